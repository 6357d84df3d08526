//! Rules for keys of chats, mail, payments and shops, for tokens with a shape that services share, and for web addresses that
//! let in whoever knows them.

use super::rule::{Rule, own, shape};

/// What follows in a web address, in a few parts.
macro_rules! parts {
    ($begin:literal) => {
        concat!($begin, r#"[^\s"'`<>|/]+(?:/[^\s"'`<>|/]*){0,7}"#)
    };
}

pub(super) const RULES: &[Rule] = &[
    own(
        "Slack",
        &[
            "xoxa-",
            "xoxb-",
            "xoxc-",
            "xoxd-",
            "xoxe-",
            "xoxe.xoxb-",
            "xoxe.xoxp-",
            "xoxo-",
            "xoxp-",
            "xoxr-",
            "xoxs-",
        ],
    )
    .tested("2314567890-2345678901234-Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3", "xoxb-your-token-goes-here"),
    own("Slack", &["xapp-", "xwfp-"])
        .tested("1-A0Qm7Zk2Wd9-Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4", "xapp-your-token-here"),
    // The first part is a number in base64, which few of its letters can be in.
    shape("Discord", &[], r"(?:[MNO][DTjz][AEIMQUYcgk][0-5w-z]){5,6}[\w-]{0,3}\.[\w-]{5,7}\.[\w-]{27,}")
        .tested(
            "MTIzNDU2Nzg5MDEyMzQ1Njc4.GQm7Zk.Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4Eo6Ia8Sd",
            "MTIzNDU2Nzg5MDEyMzQ1Njc4 in base64",
        ),
    shape("Telegram", &["bot", ""], r"\d{6,}:[\w-]{35}")
        .in_values(r"\d{6,}:[\w-]{30,}")
        .tested("1234567890:AAQm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2", "123456789:your-token-goes-here"),
    shape("Matrix", &["syt_"], "[0-9A-Za-z+/]+={0,2}_[0-9A-Za-z]{20}_[0-9A-Za-z]{6}")
        .tested("YWRh_Qm7Zk2Wd9Xr4Tb6Vn1Lc_8Hs3Jf", "syt_of_2026_and_more"),
    shape("Twitch", &["oauth:"], "[0-9a-z]{30}")
        .tested("m7zk2wd9xr4tb6vn1lc8hs3jf5gp0q", "oauth:your-token-goes-here"),
    shape("Twilio", &["SK"], "[0-9a-f]{32}")
        .tested("3f9a1c7be2d4056889ab3c1d7e5f2041", "SKU0123456789 is what we sell"),
    own("SendGrid", &["SG."])
        .rest(r"[\w-]{20,24}\.[\w-]{39,50}")
        .tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8H.s3Jf5Gp0Yw2Ut4Eo6Ia8Sd1Fg3Hj5Kl7Zx9Cv2Bn4Mq", "SG.your-key-here"),
    shape("Mailgun", &["key-"], "[0-9a-f]{32}")
        .tested("3f9a1c7be2d4056889ab3c1d7e5f2041", "key-value-pairs-of-2026"),
    own("Brevo", &["xkeysib-", "xsmtpsib-"])
        .tested("3f9a1c7be2d4056889ab3c1d7e5f2041-Qm7Zk2Wd9Xr4Tb6V", "xkeysib-your-key"),
    shape("MailerSend", &["mlsn."], "[0-9a-f]{64}")
        .tested("3f9a1c7be2d4056889ab3c1d7e5f20416b8c9d0ae1f2233445566778899aabbc", "mlsn.your-token-here"),
    shape("Resend", &["re_"], "[0-9A-Za-z]{6,12}_[0-9A-Za-z]{20,28}")
        .tested("Qm7Zk2Wd_9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Y", "re_compile_2_and_more"),
    own("Stripe", &["sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "whsec_"])
        .tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0", "sk_test_xxxxxxxxxxxx"),
    own("Square", &["sq0atp-", "sq0csp-"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8H", "sq0atp-your-token"),
    shape("Square", &["EAAA"], r"[\w-]{60}")
        .tested("lQm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4Eo6Ia8Sd1Fg3Hj5Kl7Zx9C_", "EAAAX2026_and_more"),
    own("Shopify", &["shpat_", "shpca_", "shppa_", "shpss_", "shptka_", "shpua_"])
        .tested("3f9a1c7be2d4056889ab3c1d7e5f2041", "shpat_your_token_here"),
    own("Razorpay", &["rzp_live_"]).tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc", "rzp_live_your_key"),
    own("Flutterwave", &["FLWSECK-", "FLWSECK_TEST-"])
        .tested("3f9a1c7be2d4056889ab3c1d7e5f2041-X", "FLWSECK-YOUR-KEY"),
    shape("Braintree", &["access_token$production$", "access_token$sandbox$"], r"[0-9a-z]{16}\$[0-9a-f]{32}")
        .tested("m7zk2wd9xr4tb6vn$3f9a1c7be2d4056889ab3c1d7e5f2041", "access_token$production$"),
    shape(
        "Plaid",
        &["access-sandbox-", "access-development-", "access-production-"],
        "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    )
    .tested("3f9a1c7b-e2d4-4056-889a-b3c1d7e5f204", "access-production-data"),
    shape(
        "HubSpot",
        &["pat-na1-", "pat-na2-", "pat-eu1-", "pat-ap1-"],
        "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    )
    .tested("3f9a1c7b-e2d4-4056-889a-b3c1d7e5f204", "pat-eu1-and-more-words"),
    shape("PostHog", &["phx_"], "[0-9A-Za-z]{40,}")
        .tested("Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4Eo6Ia8S", "phx_live_view_2026"),
    shape("Mapbox", &["sk.eyJ"], r"[\w-]{16,}\.[\w-]{16,}")
        .tested("1IjoiYWRhIiwiYSI6ImNtMTIzNDU2In0.Qm7Zk2Wd9Xr4Tb6Vn1Lc8H", "sk.eyJ is how it begins"),
    shape("JSON Web Token", &["eyJ"], r"[\w-]{13,}\.[\w-]{16,}\.[\w-]{16,}")
        .in_values(r"[\w-]*\.[\w-]+\.[\w-]+")
        .tested(
            "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5",
            "eyJjdXJzb3IiOjEyMzQ1Njc4fQ",
        ),
    shape(
        "Slack",
        &["hooks.slack.com/services/", "hooks.slack.com/workflows/", "hooks.slack.com/triggers/"],
        parts!(""),
    )
    .tested(
        "T0Qm7Zk2/B0Wd9Xr4/Tb6Vn1Lc8Hs3Jf5Gp0Yw2Ut4",
        "hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXX",
    ),
    shape("Discord", &["discord.com/api/", "discordapp.com/api/"], parts!(r"(?:v\d+/)?webhooks/")).tested(
        "webhooks/1234567890/Qm7Zk2Wd9Xr4Tb6Vn1Lc8Hs3Jf5Gp0Yw2",
        "https://discord.com/api/v10/webhooks/",
    ),
    shape(
        "Microsoft Teams",
        &["webhook.office.com/webhook", "outlook.office.com/webhook"],
        parts!(r"[\w-]*/"),
    )
    .tested(
        "b2/3f9a1c7b-e2d4-4056-889a-b3c1d7e5f204@3f9a/IncomingWebhook/3f9a1c7be2d4056889ab3c1d7e5f2041/1",
        "https://x.webhook.office.com/webhookb2/...",
    ),
    shape("Zapier", &["hooks.zapier.com/hooks/"], parts!(""))
        .tested("catch/1234567/Qm7Zk2Wd9Xr4Tb6Vn1Lc8", "https://hooks.zapier.com/hooks/"),
    shape(
        "Make",
        &["hook.eu1.make.com/", "hook.eu2.make.com/", "hook.us1.make.com/", "hook.us2.make.com/"],
        parts!(""),
    )
    .tested("m7zk2wd9xr4tb6vn1lc8hs3jf5gp0qy7", "https://hook.eu1.make.com/..."),
    shape("IFTTT", &["maker.ifttt.com/"], parts!(r"[\w/{}-]*key/")).tested(
        "trigger/door/with/key/Qm7Zk2Wd9Xr4Tb6Vn1Lc8H",
        "https://maker.ifttt.com/trigger/door/with/key/...",
    ),
    shape("Feishu and Lark", &["feishu.cn/", "larksuite.com/"], parts!(r"[\w/-]*hook/")).tested(
        "open-apis/bot/v2/hook/3f9a1c7b-e2d4-4056-889a-b3c1d7e5f204",
        "https://open.feishu.cn/open-apis/bot/v2/hook/...",
    ),
];
