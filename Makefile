# Voltop on one machine. Everything is made from nothing but Python 3.11; `make help` lists it.

PORT ?= 8000
FUZZ_SECONDS ?= 1800
VENV_PYTHON := .venv/bin/python
MANAGE := $(VENV_PYTHON) manage.py
# Everything but `slow` runs in every test; `make check` runs that too, but no samples of it.
PYTEST_ARGS ?= -n 2
# What a production deployment sets, with throw-away secrets: the deployment checks look at it.
LIKE_PRODUCTION = VOLTOP_HTTPS=1 VOLTOP_ALLOWED_HOSTS=fleet.example \
	DATABASE_URL=postgres://voltop@db.example/voltop REDIS_URL=redis://redis.example:6379 \
	VOLTOP_SECRET_KEY=$$($(VENV_PYTHON) -c 'import secrets; print(secrets.token_urlsafe(48))') \
	VOLTOP_MASTER_KEYS=k1:$$(head -c 32 /dev/urandom | base64) \
	VOLTOP_TOKEN_SIGNING_KEYS=k1:$$(head -c 32 /dev/urandom | base64) \
	VOLTOP_FINGERPRINT_KEY=$$(head -c 32 /dev/urandom | base64) \
	VOLTOP_EMAIL_URL=smtp+tls://user:password@mail.example:587 \
	VOLTOP_SMS_TRANSPORT=fleets.messages.send_email

# Every process that is started here finds its modules compiled, also where the machine says not to.
export PYTHONDONTWRITEBYTECODE :=

FACE_PHOTOS = pip install --quiet --no-deps --target build/face-photos -r requirements-face-photos.txt

# An environment whose Python is gone (upgraded, moved) is made anew.
ifneq ($(shell $(VENV_PYTHON) -c 'print("works")' 2>/dev/null),works)
.PHONY: .venv/.runtime .venv/.dev
endif

.PHONY: help run seed test check lint openapi texts demo chaos-pay chaos-chat fuzz mutate faces bench clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1  \t/p' $(MAKEFILE_LIST) | sed 's/$$(PORT)/$(PORT)/'

.venv/.runtime: requirements.txt scripts/make-venv
	@scripts/make-venv requirements.txt && touch $@

.venv/.dev: requirements.txt requirements-dev.txt scripts/make-venv
	@scripts/make-venv requirements-dev.txt && touch $@ .venv/.runtime

run: .venv/.runtime  ## the whole system with demo data on http://127.0.0.1:$(PORT)
	@VOLTOP_DEMO=1 VOLTOP_END_WITH_PARENT=1 exec $(MANAGE) up --port $(PORT)

seed: .venv/.runtime  ## bring the demo data up to date (also part of `make run`)
	@VOLTOP_DEMO=1 $(MANAGE) seed

test: lint  ## lint, then the suite
	@$(VENV_PYTHON) -m pytest -q $(PYTEST_ARGS)

check: lint  ## everything in full, the long proofs too
	@$(VENV_PYTHON) -m pytest -q -m "not sample" $(PYTEST_ARGS)

lint: .venv/.dev  ## style, types, missing migrations, deployment checks, the OpenAPI file
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check --quiet .
	@$(MAKE) --no-print-directory -j 2 --output-sync=target lint-types lint-project

.PHONY: lint-types lint-project
lint-types: .venv/.dev
	@$(VENV_PYTHON) -m mypy .

lint-project: .venv/.dev
	@$(LIKE_PRODUCTION) $(MANAGE) check --deploy --fail-level WARNING
	@VOLTOP_DB_POOL_MAX=0 $(VENV_PYTHON) -W ignore::RuntimeWarning manage.py makemigrations \
		--check --dry-run --verbosity 0 \
		|| { echo "models and migrations differ: manage.py makemigrations" >&2; exit 1; }
	@mkdir -p build
	@$(MANAGE) spectacular --validate --fail-on-warn --file build/openapi.yaml
	@diff -u docs/openapi.yaml build/openapi.yaml \
		|| { echo "docs/openapi.yaml is not what the code says: make openapi" >&2; exit 1; }

openapi: .venv/.dev  ## write docs/openapi.yaml anew
	@$(MANAGE) spectacular --validate --fail-on-warn --file docs/openapi.yaml

texts: .venv/.dev  ## compile the texts in other languages (voltop/locale)
	@$(VENV_PYTHON) -m voltop.texts

demo: .venv/.runtime  ## the main job on real input: DATA=folder [OUT=report.json]
	@$(MANAGE) demo $(if $(DATA),--data "$(DATA)") $(if $(OUT),--out "$(OUT)")

chaos-pay: .venv/.dev  ## payments under kill -9 and a faulty bank; one line of JSON at the end
	@mkdir -p build && rm -f build/chaos-pay.json
	@VOLTOP_CHAOS_DRIVERS=$${VOLTOP_CHAOS_DRIVERS:-2000} \
		$(VENV_PYTHON) -m pytest -q -m "" payments/tests/test_kills.py; code=$$?; \
		if [ -f build/chaos-pay.json ]; then cat build/chaos-pay.json; fi; exit $$code

chaos-chat: .venv/.dev  ## 10,000 messages over 50 sockets while Redis restarts and lines break
	@VOLTOP_CHAOS_MESSAGES=$${VOLTOP_CHAOS_MESSAGES:-10000} \
		$(VENV_PYTHON) -m pytest -q -s -m slow chat/tests/test_chat_socket_cuts.py

fuzz: .venv/.dev  ## the API by its schema, as each role: [FUZZ_SECONDS=1800] [FUZZ_SEED=…]; ends with JSON
	@mkdir -p build && rm -f build/fuzz.json
	@FUZZ_SECONDS=$(FUZZ_SECONDS) $(VENV_PYTHON) -m pytest -q -m "" voltop/tests/test_fuzz.py; \
		code=$$?; if [ -f build/fuzz.json ]; then cat build/fuzz.json; echo; fi; exit $$code

mutate: .venv/.dev  ## faults put into every view; the access matrix must notice; one line of JSON
	@mkdir -p build && rm -f build/mutate.json
	@timeout 30m $(VENV_PYTHON) -m pytest -q -m "" voltop/tests/test_mutations.py; code=$$?; \
		if [ -f build/mutate.json ]; then cat build/mutate.json; fi; exit $$code

faces: .venv/.dev  ## install the face engine (dlib, 130 MB) and prove it on real photos; ends with JSON
	@scripts/make-venv requirements-dev.txt requirements-faces.txt
	@$(VENV_PYTHON) -m drivers.faces.forbidden
	@mkdir -p build && rm -f build/faces.json
	@[ -d build/face-photos ] || $(VENV_PYTHON) -m $(FACE_PHOTOS) || $(VENV_PYTHON) -m uv $(FACE_PHOTOS)
	@$(VENV_PYTHON) -m pytest -q -m "" drivers/tests/test_face_engine.py; code=$$?; \
		if [ -f build/faces.json ]; then cat build/faces.json; fi; exit $$code

bench: .venv/.dev  ## speed against honest baselines: [ROWS="fanout ingest"]; docs/benchmarks.md is its report
	@$(VENV_PYTHON) -m benchmarks $(ROWS)

clean:  ## remove what the other targets made here, the demo's data too
	@if [ -x $(VENV_PYTHON) ]; then $(VENV_PYTHON) -m voltop.embedded.clean; fi
	@rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .hypothesis staticfiles
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.DEFAULT:
	@echo "There is no target $@; make help lists them." >&2; exit 2
