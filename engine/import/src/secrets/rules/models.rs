//! Rules for keys of language models and of what agents search and browse with. `sk-` and `sk_` are the beginnings of many, so
//! they come last.

use super::rule::{Rule, own, shape, word};

pub(super) const RULES: &[Rule] = &[
    own("Anthropic", &["sk-ant-"])
        .tested("api03-Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0", "sk-ant-your-key-goes-here"),
    shape("OpenRouter", &["sk-or-v1-"], "[0-9a-f]{64}")
        .tested("3f9a1c7be2d4056889ab3c1d7e5f20416b8c9d0ae1f2233445566778899aabbc", "sk-or-v1-..."),
    word("OpenAI", &["sk-proj-", "sk-svcacct-", "sk-admin-"])
        .tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0", "sk-proj-some-more-words"),
    word("xAI", &["xai-"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0", "xai-is-what-they-are-called"),
    word("Groq", &["gsk_"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0", "gsk_scene_graph_node"),
    shape("Cerebras", &["csk-"], "[0-9a-z]{40,}")
        .tested("m7zk2wd9xr4tb6vn1lc8hs3jf5gp0qy7ua2ie4od6", "csk-learning-2026"),
    own("Perplexity", &["pplx-"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0", "pplx-your-key-here"),
    own("NVIDIA", &["nvapi-"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0", "nvapi-your-key-here"),
    word("Hugging Face", &["hf_", "api_org_"])
        .tested("QmZkWdXrTbVnLcHsJfGpQyUaIeOd7Rt2Yw", "hf_hub_download_timeout"),
    word("Replicate", &["r8_"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4Eo", "r8_register_of_some_kind"),
    own("Together", &["tgp_v1_"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0", "tgp_v1_your_key_here"),
    shape("Fireworks", &["fw_"], "[0-9A-Za-z]{22,24}")
        .tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8H", "fw_version_1_and_more_2"),
    own("Pinecone", &["pcsk_"]).tested("Qm7Zk_Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0", "pcsk_your_key_here"),
    own("LangSmith", &["lsv2_pt_", "lsv2_sk_"])
        .tested("3f9a1c7be2d4056889ab3c1d7e5f2041_6b8c9d0ae1", "lsv2_pt_your_key_here"),
    shape("Jina", &["jina_"], r"[0-9a-f]{32}[\w-]{20,}")
        .tested("3f9a1c7be2d4056889ab3c1d7e5f2041Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3", "jina_embeddings_v3_is_a_model"),
    own("Tavily", &["tvly-"]).tested("dev-Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0", "tvly-your-key-here"),
    shape("Brave Search", &["BSA"], r"[\w-]{28}")
        .tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5G", "BSAVE2_and_BLOAD are commands"),
    shape("Firecrawl", &["fc-"], "[0-9a-f]{32}")
        .tested("3f9a1c7be2d4056889ab3c1d7e5f2041", "fc-cache-2026-11-28"),
    shape("E2B", &["e2b_"], "[0-9a-f]{40}")
        .tested("3f9a1c7be2d4056889ab3c1d7e5f20416b8c9d0a", "e2b_code_interpreter_2"),
    own("Browserbase", &["bb_live_"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3", "bb_live_your_key_here"),
    own("Apify", &["apify_api_"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4", "apify_api_your_token"),
    word("ElevenLabs", &["sk_"])
        .tested("3f9a1c7be2d4056889ab3c1d7e5f20416b8c9d0ae1f22334", "sk_buff_alloc_and_copy"),
    word("OpenAI, DeepSeek, Moonshot, Stability and others", &["sk-", "rk-"])
        .tested("QmZkWdXrTbVnLcHs7Jf5Gp0", "sk-learn-some-more-words"),
];
