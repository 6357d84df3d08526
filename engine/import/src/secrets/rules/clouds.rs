//! Rules for keys of clouds, hosting, databases, networks, monitoring and vaults.

use super::rule::{Rule, own, shape};

pub(super) const RULES: &[Rule] = &[
    shape("Amazon Web Services", &["AKIA", "ASIA"], "[0-9A-Z]{16}")
        .tested("QM7ZK2WD9XR4TB6V", "AKIAIOSFODNN7EXAMPLE"),
    shape("Amazon Bedrock", &["ABSK", "bedrock-api-key-"], "[0-9A-Za-z+/=]{80,}").tested(
        "QmVkcm9ja0FQSUtleS1hYmNkMTIzNEV4YW1wMWU5OlFtN1prMldkOVhyNFRiNlZuMUxjOEhzM0pmNUdwMFl3",
        "ABSK2026_and_more",
    ),
    own("Google Cloud", &["AIza"])
        .rest(r"[\w-]{35}")
        .tested("SyQm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2", "AIza...your-key-here"),
    own("Google Cloud", &["GOCSPX-", "ya29."]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5G", "GOCSPX-your-client"),
    shape("Google Cloud", &["1//0"], r"[\w-]{40,}")
        .tested("eQm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4Eo6Ia8Sd", "1//0 is not a division"),
    shape("Google Gemini", &["AQ.Ab"], r"[\w-]{30,}")
        .tested("8RN6Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0", "AQ.About_2026_and_more"),
    shape(
        "Microsoft Azure",
        &["AccountKey=", "SharedAccessKey=", "SharedAccessSignature="],
        "[0-9A-Za-z+/]{40,}={0,2}",
    )
    .tested("Qm7Zk2Wd9Xr4Tb6V+n1Lc8Hs3Jf5Gp0Yw2Ut4Eo6Ia8/Sd1Fg==", "AccountKey=<key>;EndpointSuffix=core"),
    shape("Microsoft Entra", &[], r"\w{3}\dQ~[\w.~-]{31,34}")
        .tested("Wd98Q~Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2", "abc8Q~your-secret"),
    own("DigitalOcean", &["dop_v1_", "doo_v1_", "dor_v1_"])
        .tested("3f9a1c7be2d4056889ab3c1d7e5f20416b8c9d0ae1f2233445566778899aabbc", "dop_v1_your_token_here"),
    shape("Cloudflare", &["cfk_", "cfut_", "cfat_"], "[0-9A-Za-z]{40,60}")
        .tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4Eo6I3f9a1c7b", "cfut_your_token_goes_here"),
    own("Heroku", &["HRKU-"]).tested("AAQm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3", "HRKU-YOUR-KEY-HERE"),
    shape("Fly", &["fm1r_", "fm1a_", "fm2_"], "[0-9A-Za-z+/]{40,}={0,2}")
        .tested("lJPECAAAAAAAAQm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4", "fm2_synthesis_of_1973"),
    shape("Fly", &["fo1_"], r"[\w-]{43}")
        .tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4Eo6Ia8S", "fo1_of_2026_and_more"),
    shape("Vercel", &["vcp_", "vci_", "vca_", "vcr_", "vck_"], "[0-9A-Za-z]{24,}")
        .tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3", "vcp_your_token_goes_here_2"),
    shape("Netlify", &["nfp_"], "[0-9A-Za-z]{36}")
        .tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4", "nfp_of_2026_and_more"),
    shape("Render", &["rnd_"], "[0-9A-Za-z]{28,}")
        .tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5G", "rnd_seed_of_2026_and_more"),
    shape("Supabase", &["sbp_"], "[0-9a-f]{40}")
        .tested("3f9a1c7be2d4056889ab3c1d7e5f20416b8c9d0a", "sbp_of_2026_and_more"),
    own("Supabase", &["sb_secret_"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8H_s3Jf5", "sb_secret_your_key"),
    shape("Neon", &["napi_"], "[0-9a-z]{60,}").tested(
        "m7zk2wd9xr4tb6vn1lc8hs3jf5gp0qy7ua2ie4od6rtm7zk2wd9xr4tb6vn1lc8hs",
        "napi_version_9_and_more",
    ),
    own("PlanetScale", &["pscale_tkn_", "pscale_pw_", "pscale_oauth_"])
        .tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5", "pscale_pw_your_password"),
    own("MongoDB Atlas", &["mdb_sa_sk_"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5", "mdb_sa_sk_your_secret"),
    shape("Databricks", &["dapi"], r"[0-9a-f]{32}(?:-\d)?")
        .tested("3f9a1c7be2d4056889ab3c1d7e5f2041", "dapi.service_call_with_long_name2"),
    shape("Alibaba Cloud", &["LTAI"], "[0-9A-Za-z]{20}")
        .tested("5tQm7Zk2Wd9Xr4Tb6Vn1", "LTAI2026_and_more_words"),
    own("Tailscale", &["tskey-"]).tested("auth-kQm7Zk2CNTRL-Wd9Xr4Tb6Vn1Lc8Hs3", "tskey-your-key-here"),
    own("Grafana", &["glsa_"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3_3f9a1c7b", "glsa_your_token_here"),
    shape("Grafana", &["glc_"], "[0-9A-Za-z+/]{32,}={0,2}")
        .tested("eyJvIjoiNzg5IiwibiI6IlFtN1prMldkOVhyNCJ9", "glc_land_cover_of_2026"),
    own("New Relic", &["NRAK-", "NRJS-", "NRII-"])
        .tested("QM7ZK2WD9XR4TB6VN1LC8HS3JF5", "NRAK-YOUR-KEY-HERE"),
    shape("Dynatrace", &["dt0c01.", "dt0s16."], r"[0-9A-Z]{24}\.[0-9A-Z]{64}").tested(
        "QM7ZK2WD9XR4TB6VN1LC8HS3.QM7ZK2WD9XR4TB6VN1LC8HS3JF5GP0YWQM7ZK2WD9XR4TB6VN1LC8HS3JF5GP0YW",
        "dt0c01.your-token",
    ),
    shape("Honeycomb", &["hcaik_", "hcxik_", "hcalk_"], "[0-9a-z]{50,}")
        .tested("01hqm7zk2wd9xr4tb6vn1lc8hs3jf5gp0qy7ua2ie4od6rtm7zk2wd9", "hcaik_of_2026_and_more"),
    own("HashiCorp Vault", &["hvs.", "hvb.", "hvr."])
        .tested("CAESIQm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3", "hvs.your-token-here"),
    shape("HCP Terraform", &["atlasv1."], r"[\w-]{60,}").tested(
        "Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4Eo6Ia8Sd1Fg3Hj5Kl7Zx9Cv2",
        "fourteenletter.atlasv1.your-token",
    ),
    shape("Pulumi", &["pul-"], "[0-9a-f]{40}")
        .tested("3f9a1c7be2d4056889ab3c1d7e5f20416b8c9d0a", "pul-of-2026-and-more"),
    shape(
        "Doppler",
        &["dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."],
        r"(?:[\w-]+\.)?[0-9A-Za-z]{40,44}",
    )
    .tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4Eo6Ia8S", "dp.st.your-token"),
    shape("1Password", &["ops_eyJ"], "[0-9A-Za-z+/_-]{60,}={0,2}").tested(
        "zaWduSW5BZGRyZXNzIjoibXkuMXBhc3N3b3JkLmNvbSIsInVzZXJBdXRoIjp7Im1ldGhvZCI6IlNSUCJ9",
        "ops_eyJ is how such a token begins",
    ),
    own("age", &["AGE-SECRET-KEY-1", "AGE-SECRET-KEY-PQ-1"])
        .tested("QM7ZK2WD9XR4TV6VN0LC8HS3JF5GP0YW2UT4E", "AGE-SECRET-KEY-1XXXXXXXX"),
];
