import { isReread, type Name } from '@jangada/config/settings.ts';
import type { Contract } from '@jangada/hop/hop.ts';
import { embeddingSettings } from '@jangada/knowledge/embedding.ts';
import { rootSettings } from '@jangada/vault/root.ts';
import { stringify } from 'yaml';
import { dueCommand } from '../due.ts';
import { refreshCommand } from '../knowledge.ts';
import { consoleDir, graceSeconds, limits, ports, requests, userId } from './containers.ts';
import { factsOf, isRequired, isSecret, type ServiceFacts } from './services.ts';

/**
 * Manifests for Kubernetes. The broker, PostgreSQL and Redis are the cluster's own; their addresses stand in the
 * ConfigMap `jangada`, and each service has a Secret of its own with exactly the secret settings it reads.
 */

const labels = (name: string) => ({ 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': 'jangada' });
const image = (name: string, version: string): string => `jangada/${name}:${version}`;

const fixed: Partial<Record<Name, string>> = {
  NODE_ENV: 'production',
  JANGADA_HOST: '0.0.0.0',
  // An ingress stands before the edge; see deploy/k8s/README.md.
  TLS_PROXY: 'true',
  JANGADA_PORT: String(ports.edge),
  CONSOLE_DIR: consoleDir,
  HEALTH_HOST: '0.0.0.0',
  HEALTH_PORT: String(ports.health),
};

/** Where a service finds the keys that are replaced while it runs: the platform swaps files, and no variables. */
const keysPath = '/run/jangada/keys';
const rereadBy = ({ settings }: ServiceFacts): readonly Name[] => settings.filter(isReread);

const variable = (facts: ServiceFacts) => (name: Name) => {
  const value = fixed[name];
  if (value !== undefined) return { name, value };
  if (isReread(name)) return { name: `${name}_FILE`, value: `${keysPath}/${name}` };
  const optional = isRequired(name) ? {} : { optional: true };
  return isSecret(name)
    ? { name, valueFrom: { secretKeyRef: { name: `jangada-${facts.name}`, key: name, ...optional } } }
    : { name, valueFrom: { configMapKeyRef: { name: 'jangada', key: name, ...optional } } };
};

const probe = (path: string, initialDelaySeconds: number, periodSeconds: number) => ({
  httpGet: { path, port: 'health' },
  initialDelaySeconds,
  periodSeconds,
  timeoutSeconds: 5,
});

const resources = {
  requests: { cpu: requests.cpus, memory: requests.memory },
  limits: { cpu: limits.cpus, memory: limits.memory },
};

const confined = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

const pod = {
  automountServiceAccountToken: false,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: userId,
    runAsGroup: userId,
    fsGroup: userId,
    seccompProfile: { type: 'RuntimeDefault' },
  },
  volumes: [{ name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } }],
};

const container = (facts: ServiceFacts, version: string) => ({
  name: facts.name,
  image: image(facts.name, version),
  ports: [
    { name: 'health', containerPort: ports.health },
    ...(facts.kind === 'border' ? [{ name: 'http', containerPort: ports.edge }] : []),
  ],
  env: facts.settings.map(variable(facts)),
  livenessProbe: probe('/v1/health', 30, 10),
  readinessProbe: probe('/v1/ready', 5, 5),
  resources,
  securityContext: confined,
  volumeMounts: [
    { name: 'tmp', mountPath: '/tmp' },
    ...(rereadBy(facts).length > 0 ? [{ name: 'keys', mountPath: keysPath, readOnly: true }] : []),
  ],
});

const keysVolume = (facts: ServiceFacts) => ({
  name: 'keys',
  secret: {
    secretName: `jangada-${facts.name}`,
    defaultMode: 0o440,
    items: rereadBy(facts).map((name) => ({ key: name, path: name })),
  },
});

const deployment = (facts: ServiceFacts, version: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: facts.name, labels: labels(facts.name) },
  spec: {
    selector: { matchLabels: labels(facts.name) },
    template: {
      metadata: { labels: labels(facts.name) },
      spec: {
        ...pod,
        volumes: [...pod.volumes, ...(rereadBy(facts).length > 0 ? [keysVolume(facts)] : [])],
        terminationGracePeriodSeconds: graceSeconds,
        containers: [container(facts, version)],
      },
    },
  },
});

const service = (facts: ServiceFacts) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: facts.name, labels: labels(facts.name) },
  spec: {
    selector: labels(facts.name),
    ports: [
      { name: 'health', port: ports.health, targetPort: 'health' },
      ...(facts.kind === 'border' ? [{ name: 'http', port: 80, targetPort: 'http' }] : []),
    ],
  },
});

/** What the image of deploy runs and ends. Its Secret holds what the program reads. */
const once = (
  name: string,
  version: string,
  { command, restartPolicy }: { command: readonly string[]; restartPolicy: 'OnFailure' | 'Never' },
) => ({
  metadata: { labels: labels(name) },
  spec: {
    ...pod,
    restartPolicy,
    containers: [
      {
        name,
        image: image('deploy', version),
        command: ['node', ...command],
        envFrom: [{ configMapRef: { name: 'jangada' } }, { secretRef: { name: `jangada-${name}` } }],
        resources,
        securityContext: confined,
        volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
      },
    ],
  },
});

/** What prepares the broker and the database. Its Secret holds what deploy/generated/services.yml gives it. */
const job = (name: string, version: string) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: `jangada-${name}`, labels: labels(name) },
  spec: {
    backoffLimit: 10,
    template: once(name, version, { command: [`${name}.ts`], restartPolicy: 'OnFailure' }),
  },
});

/** What is done again and again, and never by two at a time. */
const recurring = (
  name: string,
  version: string,
  { schedule, command }: { schedule: string; command: readonly string[] },
) => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name: `jangada-${name}`, labels: labels(name) },
  spec: {
    schedule,
    concurrencyPolicy: 'Forbid',
    startingDeadlineSeconds: 1_800,
    jobTemplate: {
      spec: {
        backoffLimit: 2,
        template: once(name, version, { command, restartPolicy: 'Never' }),
      },
    },
  },
});

/** Two at least, so that one may leave; ten at most. */
const scaler = (facts: ServiceFacts) => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: facts.name, labels: labels(facts.name) },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: facts.name },
    minReplicas: 2,
    maxReplicas: 10,
    metrics: [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
      },
    ],
  },
});

const disruption = (facts: ServiceFacts) => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: facts.name, labels: labels(facts.name) },
  spec: { maxUnavailable: 1, selector: { matchLabels: labels(facts.name) } },
});

/** What pods are labelled with that serve from outside these manifests, in whatever namespace. */
const partLabel = 'jangada/part';

/** Whom a service may reach, by the setting that says where it is: who does not read the setting has no way there. */
const reached: readonly { readonly by: Name; readonly part: string; readonly ports: readonly number[] }[] = [
  { by: 'NATS_URL', part: 'broker', ports: [4222] },
  { by: 'DATABASE_URL', part: 'database', ports: [5432] },
  { by: 'REDIS_URL', part: 'cache', ports: [6379] },
  { by: 'AI_SERVICE_URL', part: 'model', ports: [] },
  { by: 'EMBEDDING_URL', part: 'embedding', ports: [] },
  { by: 'OIDC_ISSUER', part: 'issuer', ports: [] },
  { by: 'AI_ENCRYPTION_PROVIDER', part: 'keys', ports: [] },
  { by: 'OTEL_EXPORTER_OTLP_ENDPOINT', part: 'traces', ports: [4318] },
];

const names = {
  to: [
    {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
      podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
    },
  ],
  ports: [
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 53 },
  ],
};

const egressOf = (settings: readonly Name[]) => [
  names,
  ...reached
    .filter(({ by }) => settings.includes(by))
    .map(({ part, ports: open }) => ({
      to: [{ namespaceSelector: {}, podSelector: { matchLabels: { [partLabel]: part } } }],
      ...(open.length > 0 && { ports: open.map((port) => ({ protocol: 'TCP', port })) }),
    })),
];

const policy = (name: string, app: string, ingress: readonly object[], settings: readonly Name[]) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, labels: labels(app) },
  spec: {
    podSelector: { matchLabels: labels(app) },
    policyTypes: ['Ingress', 'Egress'],
    ingress,
    egress: egressOf(settings),
  },
});

/** Nobody is reached but for health and metrics, from the namespace of the monitoring; a border by everybody. */
const isolation = (facts: ServiceFacts) =>
  policy(
    facts.name,
    facts.name,
    [
      {
        from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
        ports: [{ protocol: 'TCP', port: 'health' }],
      },
      ...(facts.kind === 'border' ? [{ ports: [{ protocol: 'TCP', port: 'http' }] }] : []),
    ],
    facts.settings,
  );

/** Every service for Kubernetes. */
export const k8sYaml = (contracts: readonly Contract[], version: string): string => {
  const documents = [
    job('provision', version),
    policy('jangada-provision', 'provision', [], ['NATS_URL']),
    job('migrate', version),
    policy('jangada-migrate', 'migrate', [], ['DATABASE_URL', ...rootSettings]),
    // It replaces what has come of age, which is little or nothing.
    recurring('rotate', version, { schedule: '17 * * * *', command: dueCommand }),
    policy('jangada-rotate', 'rotate', [], ['NATS_URL', 'DATABASE_URL', ...rootSettings]),
    // It embeds what changed since, which is little or nothing.
    recurring('knowledge', version, { schedule: '37 3 * * *', command: refreshCommand }),
    policy('jangada-knowledge', 'knowledge', [], ['NATS_URL', 'DATABASE_URL', ...embeddingSettings]),
    ...contracts
      .map(factsOf)
      .flatMap((facts) => [
        deployment(facts, version),
        service(facts),
        scaler(facts),
        disruption(facts),
        isolation(facts),
      ]),
  ];
  const text = documents
    .map((document) => stringify(document, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join('---\n');
  return `# Generated by \`npm run generate\` from the contracts of the services. See deploy/k8s/README.md.\n${text}`;
};
