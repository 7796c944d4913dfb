# syntax=docker/dockerfile:1
# One image for each service: `docker build --build-arg SERVICE=intent .`
# What prepares the broker and the database stands in deploy/: `--build-arg FOLDER=deploy`.

FROM node:26-slim AS install
ARG SERVICE
ARG FOLDER=services/${SERVICE}
ENV CI=true
WORKDIR /app
COPY . .
# Optional packages are the pinned Node and the private servers of a developer's machine; an image has its own.
RUN npx --yes "$(node -p "require('./package.json').packageManager")" install --prod --no-optional \
    --frozen-lockfile --trust-lockfile --filter "{./${FOLDER}}..."

# The console's files, which the edge serves.
FROM node:26-slim AS console
ENV CI=true
WORKDIR /app
COPY . .
RUN npx --yes "$(node -p "require('./package.json').packageManager")" install --prod --no-optional \
    --frozen-lockfile --trust-lockfile --filter "{./services/console}..." && node services/console/build.ts

FROM node:26-slim
ARG SERVICE
ARG FOLDER=services/${SERVICE}
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/tmp/v8 \
    HEALTH_HOST=0.0.0.0 \
    HEALTH_PORT=3001
COPY --from=install /app /app
COPY --from=console /app/services/console/dist /app/console
WORKDIR /app/${FOLDER}
USER 1000:1000
EXPOSE 3000 3001
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.HEALTH_PORT}/v1/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "main.ts"]
