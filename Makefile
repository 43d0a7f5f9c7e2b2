# The verbs of tanzhang. Each makes what it needs first; the second time nothing asks the network.
BIN := .venv/bin
# Finds Java and Delta's JARs, or fetches them; JAVA_HOME for the rest of the recipe's shell.
SPARK := JAVA_HOME="$$(tools/java.sh)" && export JAVA_HOME

# Compiled modules are kept: importing Great Expectations takes 11 s without them, 4 s with.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help airflow demo demo-spark connect connect-stop cluster test test-fast check bench bench-airflow bench-history bench-land bench-peer bench-points soak env env-airflow lock clean

help: ## show this
	@echo "make VERB; PYTHON=python3.12 chooses the interpreter"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

demo: env ## a small world through the embedded engine: accounts, duplicates prevented, one statement
	@$(BIN)/tanzhang demo

demo-spark: env ## the same world on Spark and Delta, every balance compared; needs Java 17 or 21
	@$(SPARK) && $(BIN)/tanzhang demo --engine spark

connect: env ## a Spark Connect server in the background on this machine; prints the SPARK_REMOTE to use
	@$(SPARK) && $(BIN)/tanzhang spark start

connect-stop: env ## end it
	@$(BIN)/tanzhang spark stop

cluster: env ## Spark master, two workers, Connect server as processes; a world through them, every balance compared
	@$(SPARK) && $(BIN)/tanzhang spark cluster

airflow: env env-airflow ## Airflow on this machine, on a simulated world; ARGS="--port 8081 --fresh"
	@$(BIN)/python tools/airflow_local.py $(ARGS)

test: env env-airflow ## the whole suite: checks, both engines, and Airflow's tasks; ROOM=ledger: one room's tests
	@tools/suite.sh "not soak" "$(ROOM)"

test-fast: env ## what needs neither world nor Spark, in two minutes; ROOM=ledger
	@tools/suite.sh "not soak" "$(ROOM)" landing unit

soak: env env-airflow ## the tests that take too long for every change; ROOM=ledger
	@tools/suite.sh soak "$(ROOM)"

check: env ## style, types, YAML, who imports whom, how queries are laid out
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/yamllint --strict .
	@$(BIN)/lint-imports --no-cache --no-logo
	@$(BIN)/python tools/queries.py
	@$(BIN)/python tools/architecture.py --check

bench: env ## seconds, records per second and memory by job, both engines
	@$(SPARK) && $(BIN)/tanzhang bench

bench-airflow: env env-airflow ## account_daily of the demo's world through Airflow: embedded, Spark in process, Spark Connect
	@.venv-airflow/bin/python tools/bench_airflow.py $(ARGS)

bench-points: env ## what seven programmes cost a million accounts on one day, beside kilograms alone; ARGS="--people 20000"
	@$(BIN)/tanzhang bench-points $(ARGS)

bench-history: env ## CPU and bytes read of a day by job as a year passes; ARGS="--people 300 --days 60", ARGS="--accounts 500000"
	@$(BIN)/tanzhang bench-history $(ARGS)

bench-peer: env ## a run beside a script by hand that does everything anew, in turns; ARGS="--people 20000 --repetitions 1"
	@$(BIN)/tanzhang bench-peer $(ARGS)

bench-land: env ## rows per second and memory of every format, beside a bare reader of it
	@$(BIN)/tanzhang bench-land

env: ## the locked environment in .venv
	@tools/env.sh

env-airflow: ## Airflow's locked environment in .venv-airflow
	@tools/env.sh airflow

lock: env ## compile requirements/*.in anew; UPGRADE=--upgrade takes newer versions
	@tools/lock.sh $(UPGRADE)

clean: ## remove what the verbs made here
	@rm -rf .venv .venv-airflow build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache home spark-warehouse
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
