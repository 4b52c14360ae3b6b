# make help
.DEFAULT_GOAL := help
.PHONY: help dev test docker-up docker-down deploy health
URL ?= http://127.0.0.1:8080

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dev: ## Build, run, and restart on change
	npm run dev

test: ## Build and run all tests
	npm test

docker-up: ## Build the image and start docker-compose.yml; waits until all is healthy
	docker compose up --build --detach --wait

docker-down: ## Stop docker-compose.yml; the volumes stay
	docker compose down

deploy: ## Build here, and start or reload the processes under PM2
	npm ci --include=dev
	npm run cluster

health: ## Ask a server whether it is ready (URL=http://…)
	@curl --fail --silent --show-error --max-time 5 $(URL)/health/ready && echo
