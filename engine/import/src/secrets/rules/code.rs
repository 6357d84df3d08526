//! Rules for keys of those who host code, packages, builds and the documents that teams work on.

use super::rule::{Rule, own, shape, word};

pub(super) const RULES: &[Rule] = &[
    own("GitHub", &["gho_", "ghp_", "ghr_", "ghs_", "ghu_"])
        .tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4", "ghp_your_token_goes_here"),
    own("GitHub", &["github_pat_"])
        .tested("11AQm7Zk2Wd9Xr4Tb6Vn_1Lc8Hs3Jf5Gp0Yw2Ut4Eo6", "github_pat_xxxxxxxxxxxxxxxx"),
    own("GitLab", &["glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glft-", "glsoat-", "glagent-", "gloas-", "glimt-"])
        .tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc", "glpat-your-token-here"),
    own("Atlassian", &["ATATT3x", "ATCTT3x"]).tested("FfGF0Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3", "ATATT3xxxxxxxxxxxxxxx"),
    shape("Bitbucket", &["ATBB"], "[0-9A-Za-z]{32}").tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw", "ATBB2026_and_more"),
    shape("Trello", &["ATTA"], "[0-9a-f]{72}").tested(
        "3f9a1c7be2d4056889ab3c1d7e5f20416b8c9d0ae1f2233445566778899aabbc3f9a1c7b",
        "ATTACHMENTS_OF_2026",
    ),
    word("npm", &["npm_"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4", "npm_config_registry"),
    own("PyPI", &["pypi-AgE"]).tested("IcHlwaS5vcmcCJDQm7Zk2Wd9Xr4", "pypi-your-token-here"),
    shape("crates.io", &["cio"], "[0-9A-Za-z]{32}").tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw", "cio2026numbers"),
    shape("RubyGems", &["rubygems_"], "[0-9a-f]{48}")
        .tested("3f9a1c7be2d4056889ab3c1d7e5f20416b8c9d0ae1f22334", "rubygems_version_3_5_22"),
    shape("NuGet", &["oy2"], "[0-9a-z]{43}")
        .tested("m7zk2wd9xr4tb6vn1lc8hs3jf5gp0qy7ua2ie4od6rt", "oy2026numbers"),
    own("Docker", &["dckr_pat_", "dckr_oat_"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5", "dckr_pat_your_token"),
    shape("JFrog", &["AKCp", "cmVmdGtu"], "[0-9A-Za-z]{50,}")
        .tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4Eo6Ia8Sd1Fg3Hj5Kl7Zx9Cv2Bn4", "AKCp2026numbers"),
    own("Buildkite", &["bkua_", "bkct_"]).tested("3f9a1c7be2d4056889ab3c1d7e5f20416b8c9d0a", "bkua_your_token_here"),
    own("CircleCI", &["CCIPAT_", "CCIPRJ_"]).tested("Qm7Zk2Wd9Xr4_3f9a1c7be2d4056889ab", "CCIPAT_YOUR_TOKEN_HERE"),
    own("Sentry", &["sntrys_", "sntryu_"]).tested("3f9a1c7be2d4056889ab3c1d7e5f2041", "sntrys_your_token_here"),
    shape("SonarQube", &["squ_", "sqp_", "sqa_"], "[0-9a-f]{40}")
        .tested("3f9a1c7be2d4056889ab3c1d7e5f20416b8c9d0a", "sqp_solver_step_2"),
    own("Postman", &["PMAK-"]).tested("3f9a1c7be2d4056889ab3c1d-7e5f20416b8c9d0ae1", "PMAK-YOUR-KEY-HERE"),
    shape("Prefect", &["pnu_"], "[0-9A-Za-z]{36}").tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4", "pnu_of_2026_and_more"),
    own("Figma", &["figd_"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc-8Hs3Jf5", "figd_your_token_here"),
    own("Linear", &["lin_api_", "lin_oauth_"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5", "lin_api_your_key_here"),
    word("Notion", &["ntn_", "secret_"]).tested("74QmZkWdXrTbVnLcHsJf5Gp0", "secret_santa_and_friends"),
    shape("Airtable", &["pat"], r"[0-9A-Za-z]{14}\.[0-9a-f]{64}").tested(
        "Qm7Zk2Wd9Xr4Tb.3f9a1c7be2d4056889ab3c1d7e5f20416b8c9d0ae1f2233445566778899aabbc",
        "patternsAndMore1.split2",
    ),
    shape("Asana", &["1/", "2/"], r"\d{10,}(?:/\d{10,})?:[0-9a-f]{32}")
        .tested("1204567890123:3f9a1c7be2d4056889ab3c1d7e5f2041", "1/1204567890123: the first"),
    shape("ClickUp", &["pk_"], r"\d{5,}_[0-9A-Z]{32}").tested("81234567_QM7ZK2WD9XR4TB6VN1LC8HS3JF5GP0YW", "pk_12345_of_a_table"),
    own("Contentful", &["CFPAT-"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5", "CFPAT-YOUR-TOKEN"),
    shape("Dropbox", &["sl.", "sl.u."], r"[\w-]{100,}").tested(
        "AFQm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4Eo6Ia8Sd1Fg3Hj5Kl7Zx9Cv2Bn4Mq6We8Rt1Yu3Io5Pa7Sd9Fg2Hj4Kl6Zx8Cv1Bn",
        "sl.train_of_2026",
    ),
    shape("Typeform", &["tfp_"], r"[\w-]{40,}").tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4Eo6Ia8Sd", "tfp_distributions_0_25"),
];
