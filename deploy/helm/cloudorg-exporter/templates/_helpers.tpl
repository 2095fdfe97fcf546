{{- define "cloudorg.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* A Service's name is an RFC 1035 label, whatever the release is called. */}}
{{- define "cloudorg.fullname" -}}
{{- $name := .Values.fullnameOverride }}
{{- if not $name }}
{{- $name = .Release.Name }}
{{- if not (contains (include "cloudorg.name" .) $name) }}
{{- $name = printf "%s-%s" $name (include "cloudorg.name" .) }}
{{- end }}
{{- end }}
{{- $name = regexReplaceAll "[^a-z0-9-]+" (lower $name) "-" | trimPrefix "-" }}
{{- if not (regexMatch "^[a-z]" $name) }}
{{- $name = printf "x%s" $name }}
{{- end }}
{{- $name | trunc 52 | trimAll "-" }}
{{- end }}

{{/* Another name for shards: a Service does not become headless later. */}}
{{- define "cloudorg.service" -}}
{{ include "cloudorg.fullname" . }}{{ if eq (include "cloudorg.sharded" .) "true" }}-shards{{ end }}
{{- end }}

{{- define "cloudorg.sharded" -}}
{{ gt (int (default 1 .Values.shards)) 1 }}
{{- end }}

{{- define "cloudorg.port" -}}
{{ default 10076 (.Values.service).port }}
{{- end }}

{{- define "cloudorg.scheme" -}}
{{ default "http" .scheme }}
{{- end }}

{{- define "cloudorg.selector" -}}
app.kubernetes.io/name: {{ include "cloudorg.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of an object. Arguments: root; more: labels from the values, which
replace the chart's own. */}}
{{- define "cloudorg.labels" -}}
{{- $r := .root }}
{{- $labels := dict
  "app.kubernetes.io/name" (include "cloudorg.name" $r)
  "app.kubernetes.io/instance" $r.Release.Name
  "app.kubernetes.io/version" ((($r.Values.image).tag) | default $r.Chart.AppVersion | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/managed-by" $r.Release.Service
  "helm.sh/chart" (printf "%s-%s" $r.Chart.Name $r.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- toYaml (mergeOverwrite $labels (deepCopy (default (dict) $r.Values.commonLabels)) (deepCopy (default (dict) .more))) }}
{{- end }}

{{/* name, namespace, labels and annotations. Arguments: root; name; namespace,
labels, annotations: optional. */}}
{{- define "cloudorg.metadata" -}}
name: {{ .name }}
{{- with .namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- include "cloudorg.labels" (dict "root" .root "more" .labels) | nindent 2 }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "cloudorg.serviceAccount" -}}
{{- if (.Values.serviceAccount).create }}
{{- default (include "cloudorg.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" (.Values.serviceAccount).name }}
{{- end }}
{{- end }}

{{- define "cloudorg.image" -}}
{{- $i := .Values.image }}
{{- $registry := default $i.registry (.Values.global).imageRegistry }}
{{- if $registry }}{{ trimSuffix "/" $registry }}/{{ end }}{{ $i.repository }}
{{- if $i.digest }}@{{ $i.digest }}{{ else }}:{{ $i.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "cloudorg.pullSecrets" -}}
{{- $names := list }}
{{- range concat (default (list) (.Values.global).imagePullSecrets) (default (list) .Values.imagePullSecrets) }}
{{- $names = append $names (kindIs "string" . | ternary . (get (kindIs "map" . | ternary . (dict)) "name")) }}
{{- end }}
{{- with uniq $names }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* What is exported: demo, config (a file) or environment; empty: nothing. */}}
{{- define "cloudorg.mode" -}}
{{- $keys := list }}
{{- range .Values.extraEnv }}
{{- if has .name (list "NCLOUD_ACCESS_KEY" "NCLOUD_SECRET_KEY") }}{{ $keys = append $keys .name }}{{ end }}
{{- end }}
{{- if .Values.demo }}demo
{{- else if or .Values.config .Values.existingConfigMap }}config
{{- else if or $keys .Values.envFrom }}environment
{{- end }}
{{- end }}

{{/* Milliseconds of a duration of Prometheus. */}}
{{- define "cloudorg.milliseconds" -}}
{{- $sum := 0 }}
{{- $unit := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 "w" 604800000 "y" 31536000000 }}
{{- range regexFindAll "[0-9]+(ms|[smhdwy])" . -1 }}
{{- $sum = add $sum (mul (int64 (regexFind "^[0-9]+" .)) (get $unit (regexFind "[a-z]+$" .))) }}
{{- end }}
{{- $sum }}
{{- end }}

{{/* Metadata and spec of the pod. */}}
{{- define "cloudorg.pod" -}}
{{- $mode := include "cloudorg.mode" . }}
{{- $sharded := eq (include "cloudorg.sharded" .) "true" }}
{{- $annotations := dict "kubectl.kubernetes.io/default-container" "exporter" }}
{{- if .Values.config }}
{{- $_ := set $annotations "checksum/config" (toYaml .Values.config | sha256sum) }}
{{- end }}
metadata:
  labels:
    {{- include "cloudorg.labels" (dict "root" . "more" .Values.podLabels) | nindent 4 }}
  annotations:
    {{- toYaml (mergeOverwrite $annotations (deepCopy (default (dict) .Values.podAnnotations))) | nindent 4 }}
spec:
  serviceAccountName: {{ include "cloudorg.serviceAccount" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ default 30 .Values.terminationGracePeriodSeconds }}
  {{- include "cloudorg.pullSecrets" . | nindent 2 }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: exporter
      image: {{ include "cloudorg.image" . | quote }}
      {{- with .Values.image.pullPolicy }}
      imagePullPolicy: {{ . }}
      {{- end }}
      args:
        {{- if eq $mode "demo" }}
        - --demo
        {{- else if eq $mode "config" }}
        - --config.file=/etc/cloudorg_exporter/config/config.yml
        {{- end }}
        - --web.listen-address=:10076
        - --web.health-address=:10077
        {{- if ne $mode "demo" }}
        - --storage.path=/var/lib/cloudorg_exporter
        {{- end }}
        {{- with .Values.web }}
        {{- if .existingSecret }}
        - --web.config.file=/etc/cloudorg_exporter/web/web.yml
        {{- end }}
        {{- if .enableLifecycle }}
        - --web.enable-lifecycle
        {{- end }}
        {{- if .enablePprof }}
        - --web.enable-pprof
        {{- end }}
        {{- with .telemetryPath }}
        - --web.telemetry-path={{ . }}
        {{- end }}
        {{- with .probePath }}
        - --web.probe-path={{ . }}
        {{- end }}
        {{- end }}
        {{- with .Values.scrapeTimeoutOffset }}
        - --scrape.timeout-offset={{ . }}
        {{- end }}
        {{- with .Values.log }}
        {{- with .level }}
        - --log.level={{ . }}
        {{- end }}
        {{- with .format }}
        - --log.format={{ . }}
        {{- end }}
        {{- end }}
        {{- if $sharded }}
        - --shard=$(SHARD)
        - --total-shards={{ int .Values.shards }}
        {{- end }}
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- $limited := ((.Values.resources).limits).memory }}
      {{- range .Values.extraEnv }}{{ if eq .name "GOMEMLIMIT" }}{{ $limited = false }}{{ end }}{{ end }}
      {{- if or $sharded $limited .Values.extraEnv }}
      env:
        {{- if $sharded }}
        - name: SHARD
          valueFrom:
            fieldRef:
              fieldPath: metadata.labels['apps.kubernetes.io/pod-index']
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- if $limited }}
        - name: GOMEMLIMIT # a quarter of it bounds what hostile answers can take
          valueFrom:
            resourceFieldRef:
              resource: limits.memory
        {{- end }}
      {{- end }}
      {{- with .Values.envFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - {name: metrics, containerPort: 10076, protocol: TCP}
        - {name: health, containerPort: 10077, protocol: TCP}
      livenessProbe:
        httpGet: {path: /-/healthy, port: health}
        timeoutSeconds: 5
      readinessProbe:
        httpGet: {path: /-/ready, port: health}
        periodSeconds: 5
        timeoutSeconds: 5
      {{- with .Values.securityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with include "cloudorg.mounts" . | trim }}
      volumeMounts:
        {{- . | nindent 8 }}
      {{- end }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with include "cloudorg.volumes" . | trim }}
  volumes:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.hostAliases }}
  hostAliases:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.dnsPolicy }}
  dnsPolicy: {{ . }}
  {{- end }}
  {{- with .Values.dnsConfig }}
  dnsConfig:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* Secrets without a path are one directory; each with a path is its own. */}}
{{- define "cloudorg.mounts" -}}
{{- $flat := false }}
{{- if eq (include "cloudorg.mode" .) "config" }}
- {name: config, mountPath: /etc/cloudorg_exporter/config, readOnly: true}
{{- end }}
{{- range $i, $s := (.Values.keys).existingSecrets }}
{{- if and (kindIs "map" $s) $s.path }}
- {name: keys-{{ $i }}, mountPath: /etc/cloudorg_exporter/keys/{{ $s.path }}, readOnly: true}
{{- else }}
{{- $flat = true }}
{{- end }}
{{- end }}
{{- if or $flat (.Values.keys).create }}
- {name: keys, mountPath: /etc/cloudorg_exporter/keys, readOnly: true}
{{- end }}
{{- if (.Values.web).existingSecret }}
- {name: web, mountPath: /etc/cloudorg_exporter/web, readOnly: true}
{{- end }}
{{- if ne (include "cloudorg.mode" .) "demo" }}
- {name: storage, mountPath: /var/lib/cloudorg_exporter}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{- toYaml . | nindent 0 }}
{{- end }}
{{- end }}

{{- define "cloudorg.volumes" -}}
{{- $flat := list }}
{{- if eq (include "cloudorg.mode" .) "config" }}
- name: config
  configMap:
    name: {{ .Values.existingConfigMap | default (include "cloudorg.fullname" .) }}
{{- end }}
{{- range $i, $s := (.Values.keys).existingSecrets }}
{{- if and (kindIs "map" $s) $s.path }}
- name: keys-{{ $i }}
  secret:
    secretName: {{ $s.name }}
    defaultMode: 0440
{{- else }}
{{- $flat = append $flat (kindIs "map" $s | ternary (get (kindIs "map" $s | ternary $s (dict)) "name") $s) }}
{{- end }}
{{- end }}
{{- if (.Values.keys).create }}
{{- $flat = append $flat (printf "%s-keys" (include "cloudorg.fullname" .)) }}
{{- end }}
{{- if $flat }}
- name: keys
  projected:
    defaultMode: 0440
    sources:
      {{- range $flat }}
      - secret: {name: {{ . }}}
      {{- end }}
{{- end }}
{{- with (.Values.web).existingSecret }}
- name: web
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- if ne (include "cloudorg.mode" .) "demo" }}
{{- if not (.Values.persistence).enabled }}
- name: storage
  emptyDir: {}
{{- else if ne (include "cloudorg.sharded" .) "true" }}
- name: storage
  persistentVolumeClaim:
    claimName: {{ .Values.persistence.existingClaim | default (include "cloudorg.fullname" .) }}
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{- toYaml . | nindent 0 }}
{{- end }}
{{- end }}

{{- define "cloudorg.claim" -}}
accessModes: [ReadWriteOnce]
{{- with .Values.persistence.storageClassName }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ default "100Mi" .Values.persistence.size }}
{{- end }}

{{/* What ServiceMonitor and PodMonitor have in common: an endpoint of the
exporter. Arguments: root, monitor. */}}
{{- define "cloudorg.endpoint" -}}
port: metrics
scheme: {{ include "cloudorg.scheme" .monitor }}
{{- with (.root.Values.web).telemetryPath }}
path: {{ . }}
{{- end }}
{{- with .monitor.interval }}
interval: {{ . }}
{{- end }}
{{- with .monitor.scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- if .monitor.honorLabels }}
honorLabels: true
{{- end }}
{{- with .monitor.tlsConfig }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .monitor.basicAuth }}
basicAuth:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .monitor.relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $perOrganization := (.root.Values.scrapeConfig).enabled }}
{{- if or $perOrganization .monitor.metricRelabelings }}
metricRelabelings:
  {{- if $perOrganization }}
  # The organizations are targets of the ScrapeConfig.
  - sourceLabels: [__name__]
    regex: (cloudorg_exporter|go|process|promhttp)_.*
    action: keep
  {{- end }}
  {{- with .monitor.metricRelabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Limits of a scrape, where the object has them. */}}
{{- define "cloudorg.limits" -}}
{{- range $limit := list "sampleLimit" "targetLimit" "labelLimit" "labelNameLengthLimit" "labelValueLengthLimit" }}
{{- with get $ $limit }}
{{ $limit }}: {{ int64 . }}
{{- end }}
{{- end }}
{{- end }}
