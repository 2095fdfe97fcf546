{{- define "cloudorg.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "cloudorg.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "cloudorg.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "cloudorg.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Another name for shards: no Service becomes headless later. */}}
{{- define "cloudorg.service" -}}
{{ include "cloudorg.fullname" . }}{{ if gt (int .Values.shards) 1 }}-shards{{ end }}
{{- end }}

{{- define "cloudorg.selector" -}}
app.kubernetes.io/name: {{ include "cloudorg.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "cloudorg.labels" -}}
{{ include "cloudorg.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "cloudorg.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "cloudorg.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "cloudorg.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* The first thing that does not fit together, in words. */}}
{{- define "cloudorg.check" -}}
{{- $sources := list }}
{{- if .Values.demo }}{{ $sources = append $sources "demo" }}{{ end }}
{{- if .Values.config }}{{ $sources = append $sources "config" }}{{ end }}
{{- if .Values.existingConfigMap }}{{ $sources = append $sources "existingConfigMap" }}{{ end }}
{{- if eq (len $sources) 0 }}
{{- fail "nothing to export: set config.organizations, or existingConfigMap, or demo: true" }}
{{- end }}
{{- if gt (len $sources) 1 }}
{{- fail (printf "%s exclude each other: set one" (join " and " $sources)) }}
{{- end }}
{{- if and (gt (int .Values.shards) 1) (gt (int .Values.replicas) 1) }}
{{- fail "shards and replicas exclude each other: each shard is one replica" }}
{{- end }}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
{{- fail "serviceMonitor and podMonitor exclude each other: every series would be there twice" }}
{{- end }}
{{- if and .Values.demo (gt (int .Values.shards) 1) }}
{{- fail "demo has two organizations: shards are for real ones" }}
{{- end }}
{{- if and .Values.config (not .Values.config.organizations) }}
{{- fail "config.organizations is empty: there is nothing to export" }}
{{- end }}
{{- $names := dict }}
{{- range (.Values.config).organizations }}
{{- if hasKey $names .name }}
{{- fail (printf "config.organizations: the name %q stands twice" .name) }}
{{- end }}
{{- $_ := set $names .name true }}
{{- if and $.Values.keys.create (not $.Values.keys.existingSecrets) }}
{{- range $file := list .access_key_file .secret_key_file }}
{{- $name := trimPrefix "/etc/cloudorg_exporter/keys/" $file }}
{{- if and (ne $name $file) (not (hasKey $.Values.keys.create $name)) }}
{{- fail (printf "config.organizations: %s is not in keys.create" $file) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "cloudorg.mounts" -}}
{{- if not .Values.demo }}
- {name: config, mountPath: /etc/cloudorg_exporter/config, readOnly: true}
{{- end }}
{{- if or .Values.keys.existingSecrets .Values.keys.create }}
- {name: keys, mountPath: /etc/cloudorg_exporter/keys, readOnly: true}
{{- end }}
{{- if .Values.web.existingSecret }}
- {name: web, mountPath: /etc/cloudorg_exporter/web, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{- toYaml . | nindent 0 }}
{{- end }}
{{- end }}

{{- define "cloudorg.volumes" -}}
{{- if not .Values.demo }}
- name: config
  configMap:
    name: {{ .Values.existingConfigMap | default (include "cloudorg.fullname" .) }}
{{- end }}
{{- if or .Values.keys.existingSecrets .Values.keys.create }}
- name: keys
  projected:
    defaultMode: 0440
    sources:
      {{- range .Values.keys.existingSecrets }}
      - secret: {name: {{ . }}}
      {{- end }}
      {{- if .Values.keys.create }}
      - secret: {name: {{ include "cloudorg.fullname" . }}-keys}
      {{- end }}
{{- end }}
{{- with .Values.web.existingSecret }}
- name: web
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- with .Values.extraVolumes }}
{{- toYaml . | nindent 0 }}
{{- end }}
{{- end }}

{{- define "cloudorg.pod" -}}
metadata:
  labels:
    {{- include "cloudorg.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    {{- if .Values.config }}
    checksum/config: {{ toYaml .Values.config | sha256sum }}
    {{- end }}
    kubectl.kubernetes.io/default-container: exporter
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "cloudorg.serviceAccount" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  containers:
    - name: exporter
      image: {{ include "cloudorg.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        {{- if .Values.demo }}
        - --demo
        {{- else }}
        - --config.file=/etc/cloudorg_exporter/config/config.yml
        {{- end }}
        - --web.listen-address=:10076
        - --web.health-address=:10077
        {{- if .Values.web.existingSecret }}
        - --web.config.file=/etc/cloudorg_exporter/web/web.yml
        {{- end }}
        {{- if .Values.web.enableLifecycle }}
        - --web.enable-lifecycle
        {{- end }}
        {{- if .Values.web.enablePprof }}
        - --web.enable-pprof
        {{- end }}
        - --scrape.timeout-offset={{ .Values.scrapeTimeoutOffset }}
        - --log.level={{ .Values.log.level }}
        - --log.format={{ .Values.log.format }}
        {{- if gt (int .Values.shards) 1 }}
        - --shard=$(SHARD)
        - --total-shards={{ int .Values.shards }}
        {{- end }}
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if or (gt (int .Values.shards) 1) .Values.extraEnv }}
      env:
        {{- if gt (int .Values.shards) 1 }}
        - name: SHARD
          valueFrom:
            fieldRef:
              fieldPath: metadata.labels['apps.kubernetes.io/pod-index']
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
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
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      {{- with include "cloudorg.mounts" . | trim }}
      volumeMounts:
        {{- . | nindent 8 }}
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
{{- end }}

{{/* What ServiceMonitor and PodMonitor have in common: an endpoint of the
exporter. Arguments: root, monitor. */}}
{{- define "cloudorg.endpoint" -}}
port: metrics
scheme: {{ .monitor.scheme }}
{{- with .monitor.interval }}
interval: {{ . }}
{{- end }}
{{- with .monitor.scrapeTimeout }}
scrapeTimeout: {{ . }}
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
{{- if or .root.Values.scrapeConfig.enabled .monitor.metricRelabelings }}
metricRelabelings:
  {{- if .root.Values.scrapeConfig.enabled }}
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
