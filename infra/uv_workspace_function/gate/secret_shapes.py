"""What looks like a secret by its shape: the small set of rules that needs no other package.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html (unique identifiers),
https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github (token formats),
https://api.slack.com/authentication/token-types, https://docs.stripe.com/keys, https://docs.gitlab.com/security/tokens/
(token prefixes), the Python Package Index (pypi- prefix), https://cloud.google.com/docs/authentication/api-keys,
https://github.blog/changelog/label/secret-scanning (partners' prefixes), RFC 7519 (JWT).
"""

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator

from uv_workspace_function.gate.secret_files import assigned, is_example, is_full_of_secrets, is_only_secrets, stated

# What an AWS document gives as an example ends with EXAMPLE.
# A kind, what stands in any of its kind, and its shape: a look for the second is many times faster, and nearly always enough.
_SHAPES: tuple[tuple[str, tuple[bytes, ...], bytes], ...] = (
    ("an AWS access key", (b"AKIA", b"ASIA"), rb"(?<![A-Za-z0-9/+])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9/+=])"),
    (
        "a GitHub token",
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
        rb"(?<!\w)(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})(?!\w)",
    ),
    (
        "a GitLab token",
        (b"glpat-", b"gldt-", b"glrt-", b"glcbt-", b"glptt-", b"glft-", b"gloas-", b"glsoat-"),
        rb"(?<!\w)gl(?:pat|dt|rt|cbt|ptt|ft|oas|soat)-[A-Za-z0-9_.-]{20,64}(?![\w-])",
    ),
    (
        "a Slack token",
        (b"xox", b"xapp-"),
        rb"(?<!\w)xox[abeoprs]-[A-Za-z0-9-]{20,}(?![\w-])|(?<!\w)xapp-\d-[A-Z0-9]{8,}-\d+-[a-f0-9]{32,}",
    ),
    (
        "a webhook of Slack",
        (b"hooks.slack.com/",),
        rb"hooks\.slack\.com/(?:services|workflows)/T[A-Z0-9]{6,}/[A-Z]\w{6,}/\w{20,}",
    ),
    ("a webhook of Discord", (b"/api/webhooks/",), rb"discord(?:app)?\.com/api/webhooks/\d{16,20}/[\w-]{60,}"),
    ("a webhook of Teams", (b"/IncomingWebhook/",), rb"/webhookb?2?/[\w@-]{40,}/IncomingWebhook/\w{20,}/[\w-]{20,}"),
    ("a Notion token", (b"ntn_", b"secret_"), rb"(?<!\w)(?:ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43})(?!\w)"),
    ("a key of Artifactory", (b"AKCp",), rb"(?<!\w)AKCp[A-Za-z0-9]{60,}(?!\w)"),
    ("a Groq key", (b"gsk_",), rb"(?<!\w)gsk_[A-Za-z0-9]{40,}(?!\w)"),
    ("a RubyGems key", (b"rubygems_",), rb"(?<!\w)rubygems_[a-f0-9]{48}(?!\w)"),
    ("a Pulumi token", (b"pul-",), rb"(?<![\w-])pul-[a-f0-9]{40}(?!\w)"),
    ("a token of Terraform", (b".atlasv1.",), rb"(?<!\w)[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,}"),
    ("an Airtable token", (b"pat",), rb"(?<!\w)pat[A-Za-z0-9]{14}\.[a-f0-9]{64}(?!\w)"),
    ("a Fly token", (b"fm1", b"fm2_"), rb"(?<!\w)fm[12][ra]?_[A-Za-z0-9+/=]{80,}"),
    ("a CircleCI token", (b"CCIPAT_", b"CCIPRJ_"), rb"(?<!\w)CCIP(?:AT|RJ)_[A-Za-z0-9]{22}_[a-f0-9]{40}(?!\w)"),
    ("a Stripe key", (b"_live_", b"whsec_"), rb"(?<!\w)(?:[sr]k_live|whsec)_[A-Za-z0-9]{16,}(?!\w)"),
    ("a PyPI token", (b"pypi-AgE",), rb"(?<![\w-])pypi-AgE[A-Za-z0-9_-]{50,}"),
    ("an npm token", (b"npm_",), rb"(?<!\w)npm_[A-Za-z0-9]{36}(?!\w)"),
    ("a Google API key", (b"AIza",), rb"(?<![\w-])AIza[A-Za-z0-9_-]{35}(?![\w-])"),
    ("a client secret of Google", (b"GOCSPX-",), rb"(?<![\w-])GOCSPX-[A-Za-z0-9_-]{28}(?![\w-])"),
    (
        "an OpenAI key",
        (b"T3BlbkFJ",),
        rb"(?<![\w-])sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{16,}T3BlbkFJ[A-Za-z0-9_-]{16,}",
    ),
    ("an Anthropic key", (b"sk-ant-",), rb"(?<![\w-])sk-ant-[a-z0-9]+-[A-Za-z0-9_-]{40,}"),
    ("a SendGrid key", (b"SG.",), rb"(?<![\w.-])SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}(?![\w-])"),
    ("a Hugging Face token", (b"hf_", b"api_org_"), rb"(?<!\w)(?:hf|api_org)_[A-Za-z]{34}(?!\w)"),
    ("a Databricks token", (b"dapi",), rb"(?<!\w)dapi[a-f0-9]{32}(?!\w)"),
    ("a DigitalOcean token", (b"_v1_",), rb"(?<!\w)do[opr]_v1_[a-f0-9]{64}(?!\w)"),
    (
        "a Shopify token",
        (b"shpat_", b"shpca_", b"shppa_", b"shpss_"),
        rb"(?<!\w)shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}(?!\w)",
    ),
    ("a New Relic key", (b"NRAK-",), rb"(?<!\w)NRAK-[A-Z0-9]{27}(?!\w)"),
    ("a Vault token", (b"hvs.", b"hvb.", b"hvr."), rb"(?<![\w.])hv[sbr]\.[A-Za-z0-9_-]{24,}"),
    ("a Doppler token", (b"dp.",), rb"(?<![\w.])dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,}"),
    ("an Atlassian token", (b"ATATT3x",), rb"(?<!\w)ATATT3x[A-Za-z0-9_=-]{50,}"),
    ("a Linear key", (b"lin_",), rb"(?<!\w)lin_(?:api|oauth)_[A-Za-z0-9]{32,}(?!\w)"),
    ("a Postman key", (b"PMAK-",), rb"(?<!\w)PMAK-[a-f0-9]{24}-[a-f0-9]{34}(?!\w)"),
    ("a Grafana token", (b"glsa_", b"gla_", b"glc_"), rb"(?<!\w)gls?a_[A-Za-z0-9_]{32,}|(?<!\w)glc_[A-Za-z0-9+/]{32,}"),
    ("a Sentry token", (b"sntry",), rb"(?<!\w)sntry[su]_[A-Za-z0-9+/=_-]{40,}"),
    ("a Twilio key", (b"SK",), rb"(?<!\w)SK[a-f0-9]{32}(?!\w)"),
    ("a Telegram token", (b":AA",), rb"(?<![\w:])\d{8,10}:AA[A-Za-z0-9_-]{33}(?![\w-])"),
    (
        "a Discord token",
        (b".",),
        rb"(?<![\w.-])[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}(?![\w-])",
    ),
    ("a Mailgun key", (b"key-",), rb"(?<![\w-])key-[a-f0-9]{32}(?![\w-])"),
    (
        "a key of Azure storage",
        (b"AccountKey=", b"SharedAccessKey="),
        rb"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,}={0,2}",
    ),
    ("a client secret of Azure", (b"Q~",), rb"(?<![\w.~-])[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}(?![\w~.-])"),
    ("a signed URL of Azure", (b"sig=",), rb"[?&]sig=[A-Za-z0-9%+/]{40,}(?:%3[dD]|=)"),
    ("a signed web token", (b"eyJ",), rb"(?<![\w.-])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}"),
    (
        "an authorization header",
        (b"uthorization", b"UTHORIZATION"),
        rb"(?i:\bauthorization[\"']?\s*[:=]\s*[\"']?(?:basic|bearer))\s+[A-Za-z0-9+/._~-]{16,}=*",
    ),
    (
        "a password in a URL",
        (b"://",),
        rb"(?<![\w+.-])[a-z][a-z0-9+.-]{1,30}://[^\s:/?#@\"'<>{}]{0,100}:(?P<password>[^\s@/\"'<>]{3,200})@(?P<host>[\w.-]+)",
    ),
    (
        "a password in a connection string",
        (b"assword", b"pwd", b"Pwd", b"PWD", b"PASSWORD"),
        rb"(?<!\w)(?i:password|pwd)\s?=(?P<connection>[^\s;\"'<>{}$]{6,100});",
    ),
)
_PATTERNS = tuple((kind, begins, re.compile(shape)) for kind, begins, shape in _SHAPES)
_SECRET_NAME = re.compile(
    rb"(?:.*[_.-])?(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|_?auth|api_?key|apikey|secretkey|accesskey)"
    rb"|.*(?:password|secret|token|(?:api|access|secret|private|account|encryption|signing|auth|storage)[_-]?key(?:[_-]?id)?)(?:[_-]?(?:base|value))?"
    rb"|.*connection[_-]?string",
    re.IGNORECASE,
)
_STAND_IN = re.compile(
    rb".*(?:[$<>{}*%()\[\]]|\.\.\.|example|sample|dummy|fake|placeholder|change[-_]?me|change[-_]?this|replace|your[-_]?|insert|todo|xxxx|redacted|1234567|abcdef"
    rb"|not[-_](?:a|set|real)|mock).*|test.*"
    rb"|(?:my|the|a|some|test|unit|local|dev|demo|super|top)?[-_]?(?:user(?:name)?|pass(?:word|wd)?|pw|pwd|token|secret|api[-_]?key|key|credentials?|postgres|root|admin|guest|minio(?:admin)?)"
    rb"(?:[-_]?(?:here|key|value|token|test|\d{1,3}))?"
    rb"|(?:abc|def|ghi|xyz|123|456|789|0)+|true|false|null|none|nil|undefined|string|str|bytes|int|bool|optional|any|required|self|env|os|x+|\.+|-+|_+|\d{1,6}",
    re.IGNORECASE | re.DOTALL,
)
_EXAMPLE_HOST = re.compile(
    rb"(?:.*\.)?example(?:\.(?:com|org|net|edu))?|(?:.*\.)?(?:test|invalid|localhost)|localhost|127\.0\.0\.1|host(?:name)?|server|db",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    rb"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)+|/.*|\.{1,2}/.*|(?:https?|file|arn|s3|projects|secretsmanager|ssm|vault|op)[:/].*|[A-Za-z]+\d{0,2}(?:[-_ /][A-Za-z]+\d{0,2})*",
    re.DOTALL,
)
_NO_WORD = re.compile(rb"[bcdfghjklmnpqrstvwxz]{6}", re.IGNORECASE)
_SHORT, _LONG, _LONG_WORD, _RANDOM = 8, 12, 16, 3.2


def secrets_by_shape(path: str, content: bytes) -> Iterator[tuple[str, int, bytes]]:
    """What looks like a secret in a file: its kind, where it begins, and the secret.

    Args:
        path: the file's path; in some, a value with a telling name is enough.
        content: its bytes.
    """
    for kind, begins, pattern in _PATTERNS:
        if any(begin in content for begin in begins):
            for found in pattern.finditer(content):
                if not _is_harmless(kind, found):
                    yield kind, found.start(), found[0]
    full = is_full_of_secrets(path)
    for at, name, value in assigned(path, content):
        if _SECRET_NAME.fullmatch(name) and (_is_value(value) if full else _is_random(value) and not is_example(path)):
            yield f"a value for {name.decode(errors='replace')}", at, value
    for at, name, value in stated(content) if is_only_secrets(path) else ():
        if not is_stand_in(value) and (at == 0 or (len(value) >= _LONG_WORD and _is_random(value))):
            yield f"a value for {name.decode(errors='replace')}", at, value


def is_stand_in(value: bytes) -> bool:
    """Whether a value only stands for a secret: a placeholder, a variable, the name of something."""
    if value.startswith(b"eyJ") and value.count(b".") == 2:
        return any(name in _payload(value) for name in (b"John Doe", b"example"))
    return _STAND_IN.fullmatch(value) is not None or len(set(value)) < 5


def _is_harmless(kind: str, found: re.Match[bytes]) -> bool:
    text = found[0]
    if kind == "a password in a URL":
        password, user = found["password"], text.partition(b"://")[2].partition(b":")[0]
        return is_stand_in(password) or password == user or _EXAMPLE_HOST.fullmatch(found["host"]) is not None
    if kind == "a password in a connection string":
        return is_stand_in(found["connection"])
    if kind == "a signed web token":
        return is_stand_in(text)
    if kind == "an authorization header":
        return is_stand_in(text.split()[-1])
    return b"EXAMPLE" in text or len(set(text[-16:])) < 6 or b"xxxx" in text.lower()


def _payload(token: bytes) -> bytes:
    part = token.split(b".")[1]
    try:
        return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except binascii.Error:
        return b""


def _is_value(value: bytes) -> bool:
    return not is_stand_in(value) and not (_REFERENCE.fullmatch(value) and b" " in value)


def _is_random(value: bytes) -> bool:
    """Whether a value is no word, no name and no path: long, of letters and digits, without an order."""
    kinds = sum(re.search(kind, value) is not None for kind in (rb"\d", rb"[a-z]", rb"[A-Z]", rb"[^\w.:/-]"))
    if len(value) < _SHORT or is_stand_in(value) or (_REFERENCE.fullmatch(value) and not _NO_WORD.search(value)):
        return False
    if len(value) < _LONG:
        return kinds == 4
    if _NO_WORD.search(value) and len(value) >= _LONG_WORD and value.isalpha():
        return True
    if not re.search(rb"\d", value) or not re.search(rb"[A-Za-z]", value):
        return False
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values()) >= _RANDOM
