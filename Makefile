# Each target sets up what it needs, from the locks only, and may be run again at any time. `make` by itself lists them.
RUN := scripts/with-tools

.DEFAULT_GOAL := help
.PHONY: help synth test test-without-docker check format fuzz local local-down reliability

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1@/p' Makefile | awk -F@ '{ printf "make %-20s %s\n", $$1, $$2 }'

synth: ## the template, one build context per service, and a table of them (no Docker, no AWS account)
	@$(RUN) cdk synth --quiet && $(RUN) python scripts/synth_table.py cdk.out

# The quick ones share the processors; images and deployments share one engine, and run one after the other.
ONE_ENGINE := tests/images tests/deploy
# An index that refuses connections for a minute says nothing of the code: what fails with these words is asked again, and told.
PYTEST := uv run pytest --reruns 1 --reruns-delay 30 \
	-rfER --only-rerun "error sending request|tunnel error|dns error|operation timed out|Temporary failure in name resolution|HTTP status server error"
test: ## every test this machine can run, with the engine of `make local`; what it can't is skipped, with the reason
	@failed=0; \
	$(RUN) python -m local_cloud run sh -c 'failed=0; \
	$(PYTEST) --numprocesses auto --dist loadfile $(ONE_ENGINE:%=--ignore %) $(if $(CI),--cov --cov-report=) || failed=1; \
	$(PYTEST) $(ONE_ENGINE) $(if $(CI),--cov --cov-append --cov-report=) || failed=1; \
	uv run --project services/legacy_export pytest tests/services/legacy_export || failed=1; \
	exit $$failed' || failed=1; \
	$(RUN) python -m local_cloud run env DEPLOY_WITHOUT_DOCKER=1 \
	$(PYTEST) tests/deploy -m either_way $(if $(CI),--cov --cov-append --cov-report=term:skip-covered) || failed=1; \
	exit $$failed

test-without-docker: ## all deployments once more, by a CDK CLI that has no docker on its PATH
	@$(RUN) python -m local_cloud run env DEPLOY_WITHOUT_DOCKER=1 $(PYTEST) tests/deploy

check: ## linters, types, the direction of modules, and the gate
	@$(RUN) sh -c 'ruff check && ruff format --check && mypy && lint-imports && services check'

format: ## what the linters can fix by themselves
	@$(RUN) sh -c 'ruff check --fix && ruff format'

fuzz: ## odd workspaces at length: every command ends as documented (RUNS=5000 SEED=1; ONLY=N shows one run)
	@PYTHONPATH=tests $(RUN) python -m hostile.fuzz --runs $(or $(RUNS),5000) --seed $(or $(SEED),1) $(if $(ONLY),--only $(ONLY))

local: ## the stack on this machine: deploy onto an emulator, send events, read one back
	@$(RUN) python -m local_cloud up

local-down: ## end what `make local` started (WIPE=1: delete its downloads too)
	@$(RUN) python -m local_cloud down $(if $(WIPE),--wipe)

reliability: ## faults on the local cloud: no event lost, none stored twice (EVENTS=1000)
	@$(RUN) python -m local_cloud.reliability --events $(or $(EVENTS),1000)
