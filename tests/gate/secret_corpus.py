"""Files that hold secrets, files that a machine left behind, and harmless ones that look like either.

No secret stands here: each is made when the tests run, from a prefix and random characters.
"""

import base64
import random
import string
from collections.abc import Callable, Mapping

_LETTERS, _UPPER, _HEX, _BASE32 = (
    string.ascii_letters + string.digits,
    string.ascii_uppercase + string.digits,
    "0123456789abcdef",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
)
_URL64 = string.ascii_letters + string.digits + "-_"


class _Random:
    """Random texts, the same ones for a name."""

    def __init__(self, name: str) -> None:
        self.source = random.Random(name)

    def text(self, length: int, letters: str = _LETTERS) -> str:
        return "".join(self.source.choices(letters, k=length))

    def bytes(self, length: int) -> bytes:
        return self.source.randbytes(length)

    def password(self) -> str:
        return self.text(10) + self.text(2, string.digits) + self.text(4)


def _lines(text: str, width: int = 64) -> str:
    return "\n".join(text[at : at + width] for at in range(0, len(text), width))


def _pem(kind: str, r: _Random, size: int = 800) -> str:
    return f"-----BEGIN {kind}-----\n{_lines(base64.b64encode(r.bytes(size)).decode())}\n-----END {kind}-----\n"


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8 or 1)
    return bytes([tag]) + (bytes([len(body)]) if len(body) < 128 else bytes([0x80 | len(size)]) + size) + body


def _number(r: _Random, size: int) -> bytes:
    return _der(0x02, b"\x01" + r.bytes(size - 1))


_RSA = _der(0x30, _der(0x06, bytes.fromhex("2a864886f70d010101")), _der(0x05))
_PBES2 = _der(0x30, _der(0x06, bytes.fromhex("2a864886f70d01050d")), _der(0x30, b""))


def _rsa_der(r: _Random) -> bytes:
    numbers = [_number(r, size) for size in (256, 3, 256, 128, 128, 128, 128, 128)]
    return _der(0x30, _der(0x02, b"\0"), *numbers)


def _jwt(r: _Random, payload: str = '{"sub":"42","scope":"deploy"}') -> str:
    parts = ('{"alg":"HS256","typ":"JWT"}', payload)
    encoded = [base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, r.text(43, _URL64)])


def _key_in_string(r: _Random) -> str:
    return _pem("RSA PRIVATE KEY", r).replace("\n", "\\n")


_DOE = '{"sub":"1234567890","name":"John Doe","iat":1516239022}'  # jwt.io's
_Make = Callable[[_Random], str | bytes]

# Tokens as code has them: the prefix is put together here.
_TOKENS: Mapping[str, _Make] = {
    "aws": lambda r: f"AK{'IA'}{r.text(16, _BASE32)}",
    "github": lambda r: f"gh{'p_'}{r.text(36)}",
    "github_app": lambda r: f"gh{'s_'}{r.text(36)}",
    "github_fine": lambda r: f"github{'_pat_'}{r.text(22)}_{r.text(59)}",
    "gitlab": lambda r: f"gl{'pat-'}{r.text(20)}",
    "npm": lambda r: f"np{'m_'}{r.text(36)}",
    "openai": lambda r: f"sk{'-proj-'}{r.text(48)}T3Blbk{'FJ'}{r.text(48)}",
    "anthropic": lambda r: f"sk{'-ant-'}api03-{r.text(93, _URL64)}AA",
    "sendgrid": lambda r: f"S{'G.'}{r.text(22)}.{r.text(43)}",
    "slack": lambda r: f"xo{'xb-'}{r.text(12, string.digits)}-{r.text(12, string.digits)}-{r.text(24)}",
    "slack_hook": lambda r: (
        f"https://hooks.slack{'.com'}/services/T{r.text(8, _UPPER)}/B{r.text(10, _UPPER)}/{r.text(24)}"
    ),
    "stripe": lambda r: f"sk{'_live_'}{r.text(24)}",
    "azure_storage": lambda r: (
        f"DefaultEndpointsProtocol=https;AccountName=shop;Account{'Key='}{base64.b64encode(r.bytes(64)).decode()};"
    ),
    "azure_client": lambda r: f"{r.text(3)}8{'Q~'}{r.text(34)}",
    "jwt": _jwt,
    "postgres": lambda r: f"postgresql://app:{r.password()}@prod.shop.internal:5432/shop",
    "mysql": lambda r: f"mysql+pymysql://root:{r.password()}@10.1.2.3/shop",
    "redis": lambda r: f"rediss://:{r.password()}@cache.shop.internal:6380/0",
    "mongo": lambda r: f"mongodb+srv://shop:{r.password()}@cluster0.ab1cd.mongodb.net/shop",
    "amqp": lambda r: f"amqps://shop:{r.password()}@queue.shop.internal/v",
    "https": lambda r: f"https://deploy:{r.password()}@registry.shop.internal/v2/",
    "pypi": lambda r: f"pypi{'-AgEIcHlwaS5vcmc'}{r.text(120, _URL64)}",
    "google": lambda r: f"AI{'za'}{r.text(35, _URL64)}",
    "google_client": lambda r: f"GOC{'SPX-'}{r.text(28, _URL64)}",
    "twilio": lambda r: f"S{'K'}{r.text(32, _HEX)}",
    "mailgun": lambda r: f"ke{'y-'}{r.text(32, _HEX)}",
    "telegram": lambda r: f"{r.text(9, '123456789')}:A{'A'}{r.text(33, _URL64)}",
    "databricks": lambda r: f"da{'pi'}{r.text(32, _HEX)}",
    "digitalocean": lambda r: f"do{'p_v1_'}{r.text(64, _HEX)}",
    "huggingface": lambda r: f"h{'f_'}{r.text(34, string.ascii_letters)}",
    "shopify": lambda r: f"shp{'at_'}{r.text(32, _HEX)}",
    "newrelic": lambda r: f"NR{'AK-'}{r.text(27, _UPPER)}",
    "vault": lambda r: f"hv{'s.'}CAESI{r.text(90, _URL64)}",
    "doppler": lambda r: f"d{'p.pt.'}{r.text(43)}",
    "atlassian": lambda r: f"ATATT{'3xFf'}{r.text(180, _URL64)}={r.text(8, _HEX.upper())}",
    "linear": lambda r: f"lin{'_api_'}{r.text(40)}",
    "postman": lambda r: f"PM{'AK-'}{r.text(24, _HEX)}-{r.text(34, _HEX)}",
    "grafana": lambda r: f"gl{'sa_'}{r.text(32)}_{r.text(8, _HEX)}",
    "sentry": lambda r: f"sntr{'ys_'}{base64.b64encode(r.bytes(60)).decode().rstrip('=')}_{r.text(43)}",
    "age": lambda r: f"AGE-SECRET{'-KEY-1'}{r.text(58, 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L')}",
    "sas": lambda r: (
        f"https://shop.blob.core.windows.net/data/x.csv?sv=2024-11-04&se=2027-01-01&sr=b&sp=r&sig={r.text(43)}%3D"
    ),
}

_FILES: Mapping[str, _Make] = {
    "prod.env": lambda r: f"LOG_LEVEL=info\nDB_PASSWORD={r.password()}\n",
    "deploy/local.env": lambda r: f"export API_TOKEN='{r.password()}'\n",
    ".env": lambda r: f"DB_PASSWORD={r.password()}\n",
    ".env.production": lambda r: f"DB_PASSWORD={r.password()}\n",
    ".envrc": lambda r: f"export TOKEN={r.password()}\n",
    "keystore.jks": lambda r: b"\xfe\xed\xfe\xed\0\0\0\2" + r.bytes(900),
    "client.p12": lambda r: _der(0x30, _der(0x02, b"\3"), _der(0x30, r.bytes(900))),
    "server.pfx": lambda r: _der(0x30, _der(0x02, b"\3"), _der(0x30, r.bytes(900))),
    "release.keystore": lambda r: r.bytes(900),
    "key.ppk": lambda r: f"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nPublic-Lines: 1\nAAAA\nPrivate-Lines: 2\n{_lines(r.text(120))}\n",
    "renamed.bin": lambda r: f"PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\nPrivate-Lines: 2\n{_lines(r.text(120))}\n",
    "rsa.der": _rsa_der,
    "pkcs8.der": lambda r: _der(0x30, _der(0x02, b"\0"), _RSA, _der(0x04, _rsa_der(r))),
    "ec.key": lambda r: _der(0x30, _der(0x02, b"\1"), _der(0x04, r.bytes(32)), _der(0xA0, _der(0x06, bytes.fromhex("2a8648ce3d030107")))),
    "encrypted.p8": lambda r: _der(0x30, _PBES2, _der(0x04, r.bytes(1200))),
    "key.pem": lambda r: _pem("PRIVATE KEY", r),
    "windows.pem": lambda r: _pem("RSA PRIVATE KEY", r).replace("\n", "\r\n"),
    "utf16.pem": lambda r: _pem("RSA PRIVATE KEY", r).encode("utf-16"),
    "utf16be.txt": lambda r: _pem("EC PRIVATE KEY", r).encode("utf-16-be"),
    "secret-manifest.yaml": lambda r: f"kind: Secret\ndata:\n  tls.key: {base64.b64encode(_pem('PRIVATE KEY', r).encode()).decode()}\n",
    "encoded.txt": lambda r: _lines(base64.b64encode(_pem("RSA PRIVATE KEY", r).encode()).decode(), 76),
    "service-account.json": lambda r: f'{{"type": "service_account", "private_key": "{_key_in_string(r)}"}}\n',
    "keys_in_code.py": lambda r: f"KEY = '{_key_in_string(r)}'\n",
    "openssh": lambda r: _pem("OPENSSH PRIVATE KEY", r),
    "signing.asc": lambda r: f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{_lines(base64.b64encode(r.bytes(700)).decode())}\n-----END PGP PRIVATE KEY BLOCK-----\n",
    "private.jwk": lambda r: f'{{"kty": "EC", "crv": "P-256", "x": "{r.text(43, _URL64)}", "d": "{r.text(43, _URL64)}"}}\n',
    "terraform.tfstate": lambda r: f'{{"resources": [{{"instances": [{{"attributes": {{"master_password": "{r.password()}"}}}}]}}]}}\n',
    "infra/prod.tfvars": lambda r: f'region = "eu-central-1"\ndb_password = "{r.password()}"\n',
    ".npmrc": lambda r: f"//npm.shop.internal/:_authToken={r.password()}{r.password()}\n",
    ".pgpass": lambda r: f"db.shop.internal:5432:shop:app:{r.password()}\n",
    ".docker/config.json": lambda r: f'{{"auths": {{"registry.shop.internal": {{"auth": "{base64.b64encode(r.bytes(30)).decode()}"}}}}}}\n',
    ".kube/config": lambda r: f"users:\n- name: ci\n  user:\n    token: {r.password()}{r.password()}\n",
    "ci-kubeconfig.yaml": lambda r: f"users:\n- name: ci\n  user:\n    client-key-data: {r.text(200)}\n",
    "authorized_user.json": lambda r: f'{{"type": "authorized_user", "client_id": "1.apps", "refresh_token": "1//0{r.text(90, _URL64)}"}}\n',
    "client_secret_1234.json": lambda r: f'{{"installed": {{"client_id": "1.apps", "client_secret": "{r.text(24)}"}}}}\n',
    "secrets.yaml": lambda r: f"database:\n  password: {r.password()}\n",
    ".streamlit/secrets.toml": lambda r: f'db_token = "{r.password()}"\n',
    "credentials.json": lambda r: f'{{"user": "app", "password": "{r.password()}"}}\n',
    "passwords.csv": lambda r: f"password: {r.password()}\n",
    ".bash_history": lambda r: f"mysql -u root -p{r.password()}\n",
    ".zsh_history": lambda _: ": 1700000000:0;aws s3 ls\n",
    ".python_history": lambda _: "import boto3\n",
    ".psql_history": lambda _: "\\\\d\n",
    "core": lambda r: b"\x7fELF\2\1\1\0" + bytes(8) + b"\4\0" + r.bytes(500),
    "core.4711": lambda r: b"\x7fELF\2\1\1\0" + bytes(8) + b"\4\0" + r.bytes(500),
    "crash.dmp": lambda r: b"MDMP" + r.bytes(500),
    "db.sqlite3": lambda r: b"SQLite format 3\0" + r.bytes(500),
    "cache/state.dat": lambda r: b"SQLite format 3\0" + r.bytes(500),
    ".idea/dataSources.xml": lambda _: "<project/>\n",
    ".vscode/settings.json": lambda _: "{}\n",
    ".netrc": lambda r: f"machine shop.internal login me password {r.password()}\n",
    ".pypirc": lambda r: f"[pypi]\nusername = __token__\npassword = {r.password()}\n",
    ".git-credentials": lambda r: f"https://me:{r.password()}@git.shop.internal\n",
    ".htpasswd": lambda r: f"me:$apr1${r.text(8)}${r.text(22)}\n",
    "id_rsa": lambda r: _pem("OPENSSH PRIVATE KEY", r),
    "id_ed25519": lambda r: r.text(300),
    ".aws/credentials": lambda r: f"[default]\naws_access_key_id = AK{'IA'}{r.text(16, _BASE32)}\naws_secret_access_key = {r.text(40)}\n",
    ".my.cnf": lambda r: f"[client]\npassword={r.password()}\n",
    ".s3cfg": lambda r: f"access_key = {r.text(20)}\nsecret_key = {r.text(40)}\n",
    "rclone.conf": lambda r: f"[s3]\nsecret_access_key = {r.text(40)}\n",
    ".vault-token": lambda r: r.text(26),
    "credentials.tfrc.json": lambda r: f'{{"credentials": {{"app.terraform.io": {{"token": "{r.text(14)}.atlasv1.{r.text(60)}"}}}}}}\n',
    ".cargo/credentials.toml": lambda r: f'[registry]\ntoken = "{r.text(32)}"\n',
    ".config/gh/hosts.yml": lambda r: f"github.com:\n    oauth_token: {r.text(40, _HEX)}\n",
    "store.kdbx": lambda r: b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5" + r.bytes(300),
    "wg0.conf": lambda r: f"[Interface]\nPrivateKey = {base64.b64encode(r.bytes(32)).decode()}\n",
    "config/settings.py": lambda r: f'DEBUG = False\nDATABASE_PASSWORD = "{r.password()}"\n',
    "config/django.py": lambda r: f"SECRET_KEY = '{r.text(50)}'\n",
    "config/app.ini": lambda r: f"[smtp]\nuser = app\npassword = {r.password()}\n",
    "config/app.yaml": lambda r: f"smtp:\n  user: app\n  apiKey: {r.password()}{r.password()}\n",
    "config/app.json": lambda r: f'{{"clientSecret": "{r.password()}{r.password()}"}}\n',
    "config/aws.py": lambda r: f'aws_secret_access_key = "{r.text(40)}"\n',
    "config/header.py": lambda r: f'HEADERS = {{"Authorization": "Basic {base64.b64encode(r.bytes(24)).decode()}"}}\n',
    "config/bearer.http": lambda r: f"Authorization: Bearer {r.text(40)}\n",
    "config/application.properties": lambda r: f"spring.datasource.password={r.password()}\n",
    "config/appsettings.json": lambda r: f'{{"Default": "Server=db;User Id=sa;Password={r.password()};"}}\n',
    "config/wp-config.php": lambda r: f"define('DB_PASSWORD', '{r.password()}');\n",
    "config/settings.xml": lambda r: f"<server><username>ci</username><password>{r.password()}</password></server>\n",
    "config/nuget.config": lambda r: f'<add key="ClearTextPassword" value="{r.password()}" />\n',
    "config/notebook.ipynb": lambda r: f'{{"source": ["api_key = \\"{r.password()}\\""]}}\n',
    "config/compose.yml": lambda r: f"environment:\n  - POSTGRES_PASSWORD={r.password()}\n",
    "config/Dockerfile": lambda r: f"ENV API_KEY={r.password()}\n",
    "config/run.sh": lambda r: f"export AWS_SECRET_ACCESS_KEY={r.text(40)}\n",
    "config/manifest.yaml": lambda r: f"data:\n  password: {base64.b64encode(r.password().encode()).decode()}\n",
    "config/short.py": lambda r: f'connect(user="app", password="Zx{r.text(1, string.digits)}#k{r.text(4)}")\n',
    "config/letters.py": lambda r: f'SECRET_KEY = "{r.text(24, "bcdfghjklmnpqrstvwxz")}"\n',
    "config/discord.py": lambda r: f'URL = "https://discord{".com"}/api/webhooks/{r.text(18, "123456789")}/{r.text(68, _URL64)}"\n',
    "keys/in_lines.py": lambda r: "KEY = (\n" + "".join(f'    "{line}\\n"\n' for line in _pem("RSA PRIVATE KEY", r).splitlines()) + ")\n",
    "keys/in_list.py": lambda r: "KEY = [" + ", ".join(f'"{line}"' for line in _pem("RSA PRIVATE KEY", r).splitlines()) + "]\n",
    "keys/in_one_line.txt": lambda r: _pem("RSA PRIVATE KEY", r).replace("\n", " "),
    "keys/der.b64": lambda r: base64.b64encode(_rsa_der(r)).decode() + "\n",
    "keys/in_block.yaml": lambda r: "key: |\n" + "".join(f"  {line}\n" for line in _pem("PRIVATE KEY", r).splitlines()),
    "keys/client.ovpn": lambda r: "<key>\n" + _pem("PRIVATE KEY", r) + "</key>\n",
    "secrets.json": lambda r: f'{{"payments": "{r.password()}"}}\n',
    ".secrets": lambda r: f"PAYMENTS={r.password()}\n",
    "password.txt": lambda r: r.password() + "\n",
    "api_key.txt": lambda r: r.text(32) + "\n",
    ".curlrc": lambda r: f'user = "me:{r.password()}"\n',
    ".mylogin.cnf": lambda r: r.bytes(100),
    "host.keytab": lambda r: b"\5\2" + r.bytes(80),
    "dump.rdb": lambda r: b"REDIS0009" + r.bytes(100),
    "traffic.pcap": lambda r: b"\xd4\xc3\xb2\xa1" + r.bytes(80),
    "config/sqlserver.txt": lambda r: f"Server=tcp:shop.database.windows.net;User ID=app;Password={r.password()};Encrypt=True;\n",
}  # fmt: skip

SECRETS: Mapping[str, str | bytes] = {
    **{f"tokens/{name}.py": f'VALUE = "{make(_Random(name))!s}"\n' for name, make in _TOKENS.items()},
    **{name: make(_Random(name)) for name, make in _FILES.items()},
}
"""Files in which there is a secret, or that no image should have, by path."""


def _harmless() -> Mapping[str, str | bytes]:
    r = _Random("harmless")
    certificate = _pem("CERTIFICATE", r)
    return {
        "ca-bundle.crt": "# Some Root CA\n" + certificate * 3,
        "cacert.pem": certificate,
        "chain.cer": _der(0x30, _der(0x30, _der(0xA0, _der(0x02, b"\2")), _number(r, 16), _RSA), _RSA, _der(0x03, r.bytes(256))),
        "public.pem": _pem("PUBLIC KEY", r),
        "public.der": _der(0x30, _RSA, _der(0x03, r.bytes(270))),
        "rsa_public.der": _der(0x30, _number(r, 256), _number(r, 3)),
        "request.csr": _pem("CERTIFICATE REQUEST", r),
        "dh.pem": _pem("DH PARAMETERS", r),
        "id_rsa.pub": f"ssh-rsa AAAAB3NzaC1yc2E{r.text(300)} me@shop\n",
        "id_ed25519.pub": f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{r.text(43)} me@shop\n",
        "authorized_keys": f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{r.text(43)} me@shop\n",
        "known_hosts": f"git.shop.internal ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{r.text(43)}\n",
        "maintainers.asc": f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{_lines(r.text(900))}\n-----END PGP PUBLIC KEY BLOCK-----\n",
        "jwks.json": f'{{"keys": [{{"kty": "RSA", "kid": "{r.text(20)}", "n": "{r.text(342, _URL64)}", "e": "AQAB"}}]}}\n',
        ".environment": "stage = dev\n",
        ".envoy.yaml": "static_resources: {}\n",
        "environment.yml": "name: shop\ndependencies: [python]\n",
        "config.env": "LOG_LEVEL=info\nTABLE_NAME=orders\nAPI_TOKEN=\nDB_PASSWORD=${DB_PASSWORD}\n",
        "app.env.example": "DB_PASSWORD=changeme\nAPI_KEY=your-api-key\n",
        "sample.env.sample": "TOKEN=<token>\n",
        "placeholders.py": 'PASSWORD = "changeme"\nAPI_KEY = "your-api-key-here"\nTOKEN = "<token>"\nSECRET = "xxxxxxxxxxxxxxxx"\n',
        "from_environment.py": 'import os\nPASSWORD = os.environ["DB_PASSWORD"]\nTOKEN = os.getenv("API_TOKEN", "")\napi_key = settings.api_key\n',
        "names.py": 'SECRET_NAME = "prod/orders/api-key"\nSECRET_ARN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders-AbCdEf"\nTOKEN_URL = "https://auth.shop.internal/oauth2/token"\n',
        "parameter.py": 'def connect(password: str, token: str | None = None, *, api_key: str = "") -> None: ...\n',
        "aws_examples.md": "Use `AKIAIOSFODNN7EXAMPLE` and `wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY`.\n",
        "database.md": "Set `postgresql://user:password@localhost/shop` or `redis://:secret@example.com/0`.\n",
        "compose.yaml": "services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?}\n      POSTGRES_USER: postgres\n",
        "local.yaml": "url: postgresql://postgres:postgres@localhost:5432/shop\nminio: {secret: minioadmin}\n",
        "secret_ref.yaml": "env:\n- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: db\n      key: password\n",
        "variables.tf": 'variable "db_password" {\n  type      = string\n  sensitive = true\n}\n',
        "terraform.tfvars.example": 'db_password = "change-me"\n',
        "public.tfvars": 'region = "eu-central-1"\ninstance_type = "t4g.small"\n',
        "npm/.npmrc": "registry=https://registry.shop.internal/\n//registry.shop.internal/:_authToken=${NPM_TOKEN}\n",
        "docker/config.json": '{"credsStore": "ecr-login", "auths": {}}\n',
        ".kube/example": "users: []\n",
        "secrets.py": '"""Reads secrets from AWS."""\nimport boto3\n\ndef read(name):\n    return boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]\n',
        "credentials.py": "class Credentials:\n    password: str\n    token: str\n",
        "secrets.yaml.example": "database:\n  password: example\n",
        "secrets.schema.json": '{"properties": {"password": {"type": "string", "minLength": 12}}}\n',
        "credentials.yaml": "password: ${vault:db/password}\ntoken: null\nuser: app\n",
        "token.py": "TOKEN = 'IDENTIFIER'\nNEWLINE_TOKEN = 'NEWLINE'\nEND_TOKEN = '<|endoftext|>'\n",
        "tokenizer.json": '{"model": {"vocab": {"the": 1, "password": 2, "token": 3, "secret": 4}}, "unk_token": "[UNK]"}\n',
        "tokenizer_config.json": '{"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "model_max_length": 512}\n',
        "messages.de.json": '{"password": "Passwort", "forgot_password": "Passwort vergessen?", "token": "Zugangscode"}\n',
        "scan.gs": "// Example: 'const API_TOKEN = \"abc123def456\";'\n",
        "form.html": '<input type="password" name="password" placeholder="Password" autocomplete="current-password">\n',
        "openapi.yaml": "components:\n  securitySchemes:\n    key:\n      type: apiKey\n      name: X-API-Key\n      in: header\n",
        "patterns.py": 'GITHUB = r"ghp_[A-Za-z0-9]{36}"\nAWS = r"AKIA[A-Z2-7]{16}"\nHEADER = "-----BEGIN RSA PRIVATE KEY-----"\n',
        "strip.py": 'def body(pem):\n    return pem.replace("-----BEGIN PRIVATE KEY-----", "").replace("-----END PRIVATE KEY-----", "")\n',
        "checksums.txt": "".join(f"{r.text(64, _HEX)}  file-{n}.whl\n" for n in range(20)),
        "package-lock.json": f'{{"packages": {{"x": {{"version": "1.0.0", "resolved": "https://registry.example/x.tgz", "integrity": "sha512-{base64.b64encode(r.bytes(64)).decode()}"}}}}}}\n',
        "requirements.txt": f"requests==2.32.0 --hash=sha256:{r.text(64, _HEX)}\n",
        "uuids.csv": "".join(f"{r.text(8, _HEX)}-{r.text(4, _HEX)}-4{r.text(3, _HEX)}-a{r.text(3, _HEX)}-{r.text(12, _HEX)}\n" for _ in range(20)),
        "commits.json": f'{{"commit": "{r.text(40, _HEX)}", "tree": "{r.text(40, _HEX)}"}}\n',
        "icon.css": f"i {{ background: url(data:image/png;base64,{base64.b64encode(r.bytes(600)).decode()}) }}\n",
        "logo.png": b"\x89PNG\r\n\x1a\n" + r.bytes(4000),
        "weights.bin": r.bytes(20_000),
        "module.wasm": b"\0asm\1\0\0\0" + r.bytes(4000),
        "program": b"\x7fELF\2\1\1\0" + bytes(8) + b"\3\0" + r.bytes(500),
        "app.min.js": "!function(e,t){var n=" + ",".join(f'"{r.text(6)}"' for _ in range(300)) + "}();\n",
        "core.py": "CORE = 1\n",
        "core/engine.py": "ENGINE = 1\n",
        "history.py": "HISTORY = []\n",
        "schema.sql": "CREATE TABLE users (id int, password text NOT NULL, token text);\n",
        "ssh_config": "Host git\n  IdentityFile ~/.ssh/id_ed25519\n",
        "jwt_example.md": f"A token: `{_jwt(r, _DOE)}`\n",
        "urls.py": 'DOCS = "https://docs.shop.internal/a@b/c:d"\nMAIL = "mailto:me@shop.internal"\nGIT = "ssh://git@git.shop.internal/x.git"\n',
        "geo.json": '{"type": "Point", "coordinates": [13.4050, 52.5200], "key": "berlin-mitte"}\n',
        "pagination.py": 'def page(client):\n    token = None\n    while True:\n        answer = client.scan(NextToken=token)\n        token = answer.get("NextToken")\n',
        "dynamo.py": 'KEY = {"pk": "ORDER#1", "sk": "ITEM#1"}\nPRIMARY_KEY = "order_id"\nPARTITION_KEY = "customer-2024-region"\n',
        "tokens.txt": "the\nof\nand\n##ing\n[PAD]\n",
        "secrets/README.txt": "How this service gets its secrets: by name, from AWS Secrets Manager.\n",
        "secrets/names.yaml": "payments: prod/payments/api-key\nregion: eu-central-1\nversion: v2\n",
        "validators.py": 'MESSAGES = {"password": "must have 8 characters or more", "token": "has expired"}\n',
        "form.py": "password = forms.CharField(label='Password', widget=forms.PasswordInput())\n",
        "headers.py": 'headers = {"Authorization": f"Bearer {token}", "X-Api-Key": api_key}\n',
        "oauth.py": 'URL = "https://shop.internal/token?grant_type=client_credentials"\nGRANT = "urn:ietf:params:oauth:grant-type:token-exchange"\n',
        "pins.toml": f'[[package]]\nname = "x"\nsha256 = "{r.text(64, _HEX)}"\nrev = "{r.text(40, _HEX)}"\n',
        "test_count_tokens_with_tools.yaml": "body: large-4-20250514-v1\nid: msg_01XFDUDYJgAACzvnptvVoYEL\n",
        "token_scatter.svg": f"<svg id='{r.text(20)}'/>\n",
        "grants.py": 'OAUTH2_CLIENT_CREDENTIALS = "oauth2_client_credentials"\n',
        "lorem.txt": "Lorem ipsum dolor sit amet. " * 50,
        "emoji.json": '{"key": "\U0001f511", "secret": "\U0001f92b", "password": "****"}\n',
        "i18n/en.properties": "login.password=Password\nlogin.token=Access token\nerror.password=Wrong password\n",
    }  # fmt: skip


HARMLESS: Mapping[str, str | bytes] = _harmless()
"""Files that hold none, by path."""
