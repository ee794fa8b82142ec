"""Settings of every Voltop process, read from the environment by typed readers; safe by default.

Without DATABASE_URL and REDIS_URL the embedded PostgreSQL and Valkey are used (`voltop.embedded`).
Not here: a provider's own rules (`fleets.FleetPolicy`).
"""

from pathlib import Path
from urllib.parse import urlsplit

import environ

from voltop.embedded import paths
from voltop.settings.databases import database_config
from voltop.settings.files import storages

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent.parent
HOME = paths.home()

DEBUG = env.bool("VOLTOP_DEBUG", default=False)
DEMO = env.bool("VOLTOP_DEMO", default=False)
EMBEDDED = "DATABASE_URL" not in env.ENVIRON
SECRET_KEY = env.str("VOLTOP_SECRET_KEY", default="")
if not SECRET_KEY and (EMBEDDED or DEMO):
    SECRET_KEY = paths.local_secret("secret_key")
ALLOWED_HOSTS = env.list("VOLTOP_ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("VOLTOP_CSRF_TRUSTED_ORIGINS", default=[])
PUBLIC_URL = env.str("VOLTOP_PUBLIC_URL", default="http://127.0.0.1:8000")

INSTALLED_APPS = [
    "voltop",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "oauth2_provider",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "django_structlog",
    "fleets",
    "drivers",
    "vehicles",
    "chat",
    "telemetry",
    "shifts",
    "reservations",
    "payments",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "voltop.health.HealthMiddleware",  # first: asked by address, without TLS, whatever is broken
    "voltop.api.middleware.RequestContextMiddleware",
    "voltop.logs.RequestLogMiddleware",
    "voltop.content_security.ContentSecurityMiddleware",
    "voltop.api.bounds.BoundsMiddleware",
    "voltop.database.middleware.OutageMiddleware",
    "voltop.api.middleware.ProblemMiddleware",  # outside everything that answers with pages
    "django.middleware.security.SecurityMiddleware",
    "voltop.assets.StaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "fleets.middleware.ActiveProviderMiddleware",
    "fleets.middleware.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "voltop.urls"
WSGI_APPLICATION = "voltop.wsgi.application"
ASGI_APPLICATION = "voltop.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "voltop" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- PostgreSQL: the truth -----------------------------------------------------------------------
DATABASES = {"default": database_config(env.str("DATABASE_URL", default=paths.database_url()))}
DATABASES["default"] |= {
    "ENGINE": "voltop.database",  # which looks at each pooled connection in a cheaper way
    "CONN_MAX_AGE": 0,  # the pool keeps connections; Django refuses both at once
    "CONN_HEALTH_CHECKS": False,
    "OPTIONS": {
        "connect_timeout": 5,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        **DATABASES["default"].get("OPTIONS", {}),
        "options": (
            f"-c statement_timeout={env.int('VOLTOP_STATEMENT_TIMEOUT_MS', default=5000)}"
            f" -c lock_timeout={env.int('VOLTOP_LOCK_TIMEOUT_MS', default=2000)}"
            " -c idle_in_transaction_session_timeout=60000"
        ),
    },
}
DB_POOL_MAX = env.int("VOLTOP_DB_POOL_MAX", default=10)  # 0: a connection for each request
if DB_POOL_MAX:
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": env.int("VOLTOP_DB_POOL_MIN", default=1),
        "max_size": DB_POOL_MAX,
        "timeout": 5,
    }
# How long a request or task waits for a database that is away, before it fails.
DB_WAIT_S = env.float("VOLTOP_DB_WAIT_S", default=10.0)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis or Valkey: only makes things sooner ---------------------------------------------------
REDIS_URL = env.str("REDIS_URL", default="")


def redis_url(db: int) -> str:
    """The URL of one logical database of the configured or embedded server."""
    return f"{REDIS_URL.rstrip('/')}/{db}" if REDIS_URL else paths.redis_url(db)


CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis_url(1)}
}

CELERY_BROKER_URL = redis_url(0) if REDIS_URL else paths.celery_broker_url()
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_VISIBILITY_TIMEOUT = 900
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    # A request must not wait for a broker that is away: what it rings for is found by a sweep.
    "max_retries": 0,
    "socket_connect_timeout": 1,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TIMEZONE = "UTC"
CELERY_TASK_ROUTES = {
    "payments.*": {"queue": "payments"},
    "telemetry.*": {"queue": "telemetry"},
    "voltop.outbox.relay_lanes": {"queue": "webhooks"},
}

# --- People and access ---------------------------------------------------------------------------
AUTH_USER_MODEL = "fleets.User"
AUTHENTICATION_BACKENDS = ["fleets.backends.ProviderRoleBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "fleets.passwords.EndsLogIns"},
]
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"
OAUTH2_PROVIDER_APPLICATION_MODEL = "fleets.ApiClient"
OAUTH2_PROVIDER_ACCESS_TOKEN_MODEL = "fleets.ApiAccessToken"  # noqa: S105 (a model's name)
OAUTH2_PROVIDER = {
    "OAUTH2_VALIDATOR_CLASS": "fleets.oauth.ClientValidator",
    "SCOPES_BACKEND_CLASS": "fleets.oauth.ClientScopes",
    # Only client credentials are granted here; the rest of RFC 9700 is adopted all the same, so
    # that nothing it forbids comes back with a later version's default.
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
}
# W011 warns of a circle between access and refresh tokens: ours has no link to a refresh token.
SILENCED_SYSTEM_CHECKS = ["oauth2_provider.W011"]
TOKEN_SIGNING_KEYS = env.list("VOLTOP_TOKEN_SIGNING_KEYS", default=[])
TOKEN_ISSUER = env.str("VOLTOP_TOKEN_ISSUER", default=PUBLIC_URL)
TOKEN_AUDIENCE = "voltop-api"  # noqa: S105
ROLE_CACHE_S = 30  # how long a process remembers what each role's group holds
# Roles whose staff need a second factor at newly founded companies, and whether approving money
# asks for it again; a company's policy may say otherwise later. Demo and development go without.
_REAL = not (EMBEDDED or DEMO)
SECOND_FACTOR_ROLES = env.list(
    "VOLTOP_SECOND_FACTOR_ROLES", default=["owner", "manager", "accountant"] if _REAL else []
)
SECOND_FACTOR_FOR_PLATFORM = env.bool("VOLTOP_SECOND_FACTOR_FOR_PLATFORM", default=_REAL)
TRUSTED_PROXIES = env.int("VOLTOP_TRUSTED_PROXIES", default=0)
MASTER_KEYS = env.list("VOLTOP_MASTER_KEYS", default=[])
FINGERPRINT_KEY = env.str("VOLTOP_FINGERPRINT_KEY", default="")
# host:port of machines that may be called although they are private or speak plain http.
OUTBOUND_ALLOWED = env.list("VOLTOP_OUTBOUND_ALLOWED", default=[])
# Where companies for tests pay from, and its token; without it they pay from nowhere.
SANDBOX_BANK_URL = env.str("VOLTOP_SANDBOX_BANK_URL", default="").rstrip("/")
SANDBOX_BANK_TOKEN = env.str("SANDBOX_BANK_TOKEN", default="")
if SANDBOX_BANK_URL:
    _bank = urlsplit(SANDBOX_BANK_URL)
    OUTBOUND_ALLOWED.append(f"{_bank.hostname}:{_bank.port or {'http': 80}.get(_bank.scheme, 443)}")
BANK_TIMEOUT_S = env.int("VOLTOP_BANK_TIMEOUT_S", default=10)

# --- Messages to people --------------------------------------------------------------------------
# Codes and invitations. Where people are real both must be set (voltop.E012, voltop.W002).
EMAIL_URL = env.str("VOLTOP_EMAIL_URL", default="")
vars().update(env.email_url_config(EMAIL_URL or "consolemail://"))
DEFAULT_FROM_EMAIL = env.str("VOLTOP_EMAIL_FROM", default="Voltop <voltop@localhost>")
EMAIL_TIMEOUT = 20
# HTTP gateways of SMS and push: address and bearer token.
MESSAGE_GATEWAYS = {
    channel.lower(): (
        env.str(f"VOLTOP_{channel}_GATEWAY_URL", default=""),
        env.str(f"VOLTOP_{channel}_GATEWAY_TOKEN", default=""),
    )
    for channel in ("SMS", "PUSH")
}
_OVER_HTTP = "fleets.messages.post_to_gateway"
SMS_TRANSPORT = env.str("VOLTOP_SMS_TRANSPORT", default="") or (
    _OVER_HTTP if MESSAGE_GATEWAYS["sms"][0] else "fleets.messages.print_sms"
)
PUSH_TRANSPORT = env.str("VOLTOP_PUSH_TRANSPORT", default="") or (
    _OVER_HTTP if MESSAGE_GATEWAYS["push"][0] else "fleets.messages.print_push"
)

# --- API -----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["fleets.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["voltop.api.permissions.OperationPermission"],
    "DEFAULT_PARSER_CLASSES": ["voltop.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["voltop.api.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "voltop.api.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["voltop.api.filters.StrictFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "voltop.api.schema.VoltopAutoSchema",
    "EXCEPTION_HANDLER": "voltop.api.exceptions.exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "LIST_SERIALIZER_ERRORS_AS_DICT": True,
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Voltop",
    "DESCRIPTION": "Operations platform for electric fleets with hired drivers.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_SPLIT_PATCH": False,  # a PATCH has an input of its own, which says what it needs
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "POSTPROCESSING_HOOKS": ["voltop.api.schema.complete_schema"],
}
API_BODY_MAX_BYTES = 1_000_000
RATE_FACTOR = env.float("VOLTOP_RATE_FACTOR", default=1.0)  # of the calls in voltop.api.rates
DATA_UPLOAD_MAX_MEMORY_SIZE = 21_000_000  # the largest inflated body; parsers bound each route

# --- Sockets -------------------------------------------------------------------------------------
SOCKET_AUTHENTICATION = "fleets.services.socket_tickets"
SOCKET_THREADS = env.int("VOLTOP_SOCKET_THREADS", default=4)  # each holds a connection at most
SOCKET_FRAME_MAX_BYTES = 16_384
SOCKET_FRAMES_PER_10_S = env.int("VOLTOP_SOCKET_FRAMES_PER_10_S", default=20)
SOCKETS_PER_PERSON = env.int("VOLTOP_SOCKETS_PER_PERSON", default=5)  # in each process
SOCKET_IDLE_S = env.int("VOLTOP_SOCKET_IDLE_S", default=90)
SOCKET_READ_WITHIN_S = env.int("VOLTOP_SOCKET_READ_WITHIN_S", default=10)

# --- Words, time, files --------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español"), ("pt", "Português"), ("de", "Deutsch")]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = ["voltop.formats"]
LOCALE_PATHS = [BASE_DIR / "voltop" / "locale"]
STATIC_URL = "/static/"
STATIC_ROOT = env.str("VOLTOP_STATIC_ROOT", default=str(HOME / "static"))
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = False
# Papers and photos, sealed: a folder of this machine, or s3://bucket/prefix?endpoint_url=…
STORAGES = storages(env.str("VOLTOP_FILES_URL", default=""), HOME)

# What looks at faces (requirements-faces.txt); without its packages every check is `unavailable`.
FACE_ENGINE = "drivers.faces.dlib_engine.DlibEngine"

# --- Transport safety ----------------------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
HTTPS = env.bool("VOLTOP_HTTPS", default=False)
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None

# Where the live map's streets come from, in GeoJSON; below, so that pages may ask there.
MAP_GROUND_URL = env.str("VOLTOP_MAP_GROUND_URL", default="/demo/ground.geojson" if DEMO else "")
_ground = urlsplit(MAP_GROUND_URL)
_ground_hosts = [f"{_ground.scheme}://{_ground.netloc}"] if _ground.netloc else []
SECURE_CSP = {
    "default-src": ["'none'"],
    # The admin's Alpine makes functions of the expressions in its templates: hence the second word.
    "script-src": ["'self'", "'unsafe-eval'"],
    "style-src": ["'self'", "'unsafe-inline'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'", *_ground_hosts],
    "object-src": ["'none'"],
    "base-uri": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
}

METRICS_TOKEN = env.str("VOLTOP_METRICS_TOKEN", default="")
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_COMMAND_LOGGING_ENABLED = False
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "voltop.logs.JsonFormatter"}},
    "filters": {"quiet": {"()": "voltop.logs.QuietStarts"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["quiet"]}
    },
    "loggers": {
        # One line a request and one a task is enough: ours.
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.request": {"level": "ERROR"},
        "django.server": {"handlers": [], "propagate": True},
        "celery.app.trace": {"level": "ERROR"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
    "root": {"handlers": ["console"], "level": env.str("VOLTOP_LOG_LEVEL", default="INFO")},
}

# --- Admin ----------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Voltop",
    "SITE_HEADER": "Voltop",
    "SITE_SUBHEADER": "voltop.navigation.company",
    "ENVIRONMENT": "voltop.navigation.environment",
    "SITE_SYMBOL": "bolt",
    "SITE_URL": None,  # there is no other site to look at
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": f"{STATIC_URL}voltop/favicon.svg"}
    ],
    "STYLES": [lambda request: f"{STATIC_URL}voltop/admin.css"],
    "LOGIN": {"form": "fleets.log_in.LogInForm"},
    "DASHBOARD_CALLBACK": f"voltop.{'demo.today' if DEMO else 'home'}.dashboard",
    "SHOW_HISTORY": True,
    "SIDEBAR": {
        "navigation": "voltop.navigation.navigation",
        "show_search": True,
        "show_all_applications": True,
    },
}
