{{/* Rejects values that are valid alone and wrong together. Each message names
the value to change. */}}
{{- define "cloudorg.check" -}}
{{- include "cloudorg.checkSource" . }}
{{- include "cloudorg.checkKeys" . }}
{{- include "cloudorg.checkOrganizations" . }}
{{- include "cloudorg.checkPod" . }}
{{- include "cloudorg.checkMonitors" . }}
{{- end }}

{{- define "cloudorg.checkSource" -}}
{{- $sources := list }}
{{- if .Values.demo }}{{ $sources = append $sources "demo" }}{{ end }}
{{- if .Values.config }}{{ $sources = append $sources "config" }}{{ end }}
{{- if .Values.existingConfigMap }}{{ $sources = append $sources "existingConfigMap" }}{{ end }}
{{- if gt (len $sources) 1 }}
{{- fail (printf "%s exclude each other: set one" (join " and " $sources)) }}
{{- end }}
{{- if not (include "cloudorg.mode" .) }}
{{- fail "nothing to export: set config.organizations, or existingConfigMap, or demo: true, or NCLOUD_ACCESS_KEY and NCLOUD_SECRET_KEY in extraEnv or envFrom" }}
{{- end }}
{{- if and .Values.config (not .Values.config.organizations) }}
{{- fail "config.organizations is empty: there is nothing to export" }}
{{- end }}
{{- $sharded := eq (include "cloudorg.sharded" .) "true" }}
{{- if and $sharded (gt (int .Values.replicas) 1) }}
{{- fail "shards and replicas exclude each other: each shard is one replica" }}
{{- end }}
{{- if and $sharded (ne (include "cloudorg.mode" .) "config") }}
{{- fail "shards needs config or existingConfigMap: there is nothing to distribute" }}
{{- end }}
{{- if (.Values.persistence).enabled }}
{{- if gt (int .Values.replicas) 1 }}
{{- fail "persistence and replicas exclude each other: two processes cannot share a directory" }}
{{- end }}
{{- if and $sharded .Values.persistence.existingClaim }}
{{- fail "persistence.existingClaim and shards exclude each other: each shard has a claim of its own" }}
{{- end }}
{{- if .Values.demo }}
{{- fail "persistence and demo exclude each other: the demo stores nothing" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "cloudorg.checkKeys" -}}
{{- $paths := list }}
{{- $flat := list }}
{{- range (.Values.keys).existingSecrets }}
{{- if and (kindIs "map" .) .path }}
{{- if has .path $paths }}
{{- fail (printf "keys.existingSecrets: two Secrets have the path %q: one would hide the other" .path) }}
{{- end }}
{{- $paths = append $paths .path }}
{{- else }}
{{- $flat = append $flat . }}
{{- end }}
{{- end }}
{{- if and $paths (or $flat (.Values.keys).create) }}
{{- fail "keys: give every Secret a path, or none (keys.create has none)" }}
{{- end }}
{{- $root := "/etc/cloudorg_exporter/keys/" }}
{{- range $o := (.Values.config).organizations }}
{{- range $file := compact (list $o.access_key_file $o.secret_key_file $o.session_token_file) }}
{{- $name := trimPrefix $root $file }}
{{- if ne $name $file }}
{{- if and $paths (not (has (dir $name) $paths)) }}
{{- fail (printf "config.organizations: %s: no Secret in keys.existingSecrets has the path %q" $file (dir $name)) }}
{{- end }}
{{- if and ($.Values.keys).create (not $flat) (not (hasKey $.Values.keys.create $name)) }}
{{- fail (printf "config.organizations: %s is not in keys.create" $file) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "cloudorg.checkOrganizations" -}}
{{- $names := dict }}
{{- $files := dict }}
{{- range $o := (.Values.config).organizations }}
{{- if hasKey $names $o.name }}
{{- fail (printf "config.organizations: duplicate name %q" $o.name) }}
{{- end }}
{{- $_ := set $names $o.name true }}
{{- if and $o.access_key_file (eq $o.access_key_file (default "" $o.secret_key_file)) }}
{{- fail (printf "config.organizations: %q has one file for both keys: %s" $o.name $o.access_key_file) }}
{{- end }}
{{- /* One key may read several organizations if each is named, or has a role. */}}
{{- $id := "" }}
{{- with get (dict "scp" $o.organization_id "aws" $o.role_arn) $o.cloud }}{{ $id = printf "%s %s" $o.cloud . }}{{ end }}
{{- range $file := compact (list $o.access_key_file $o.secret_key_file) }}
{{- with get $files $file }}
{{- if not (and .id $id (ne .id $id)) }}
{{- fail (printf "config.organizations: %q and %q use the same key file %s: one would export the other's data. Give each Secret a path in keys.existingSecrets" .name $o.name $file) }}
{{- end }}
{{- end }}
{{- $_ := set $files $file (dict "name" $o.name "id" $id) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "cloudorg.checkPod" -}}
{{- $own := dict
  "config.file" "config or existingConfigMap" "demo" "demo" "web.listen-address" "service.port: the pod always listens on 10076"
  "web.health-address" "service: the pod's probes use 10077" "web.config.file" "web.existingSecret" "web.enable-lifecycle" "web.enableLifecycle"
  "web.enable-pprof" "web.enablePprof" "web.telemetry-path" "web.telemetryPath" "web.probe-path" "web.probePath"
  "scrape.timeout-offset" "scrapeTimeoutOffset" "log.level" "log.level" "log.format" "log.format" "shard" "shards" "total-shards" "shards"
  "storage.path" "persistence" }}
{{- $ends := list "once" "config.check" "web.health-check" "help" "help-long" "help-man" "version" "completion-script-bash" "completion-script-zsh" }}
{{- $seen := dict }}
{{- range .Values.extraArgs }}
{{- if eq . "-h" }}{{ fail "extraArgs: -h would end the exporter" }}{{ end }}
{{- $flag := regexFind "^--[A-Za-z0-9.-]+" . | trimPrefix "--" }}
{{- if hasPrefix "no-" $flag }}{{ $flag = trimPrefix "no-" $flag }}{{ end }}
{{- if $flag }}
{{- with get $own $flag }}
{{- fail (printf "extraArgs: --%s is the chart's: use %s" $flag .) }}
{{- end }}
{{- if has $flag $ends }}{{ fail (printf "extraArgs: --%s would end the exporter" $flag) }}{{ end }}
{{- if hasKey $seen $flag }}{{ fail (printf "extraArgs: --%s is repeated" $flag) }}{{ end }}
{{- $_ := set $seen $flag true }}
{{- end }}
{{- end }}

{{- $env := dict }}
{{- range .Values.extraEnv }}
{{- if and (eq .name "SHARD") (eq (include "cloudorg.sharded" $) "true") }}
{{- fail "extraEnv: SHARD is the chart's: use shards" }}
{{- end }}
{{- if hasKey $env .name }}{{ fail (printf "extraEnv: %s is repeated" .name) }}{{ end }}
{{- $_ := set $env .name true }}
{{- end }}
{{- if and (eq (include "cloudorg.mode" .) "environment") (not .Values.envFrom) }}
{{- range list "NCLOUD_ACCESS_KEY" "NCLOUD_SECRET_KEY" }}
{{- if not (hasKey $env .) }}{{ fail (printf "extraEnv: %s is missing" .) }}{{ end }}
{{- end }}
{{- end }}

{{- $volumes := dict }}
{{- range concat (include "cloudorg.volumes" . | fromYamlArray) (list (dict "name" "storage" "chart" true)) }}
{{- if and (hasKey $volumes .name) (not .chart) }}{{ fail (printf "extraVolumes: the name %q is taken" .name) }}{{ end }}
{{- $_ := set $volumes .name true }}
{{- end }}
{{- $mounts := dict }}
{{- range include "cloudorg.mounts" . | fromYamlArray }}
{{- if hasKey $mounts .mountPath }}{{ fail (printf "extraVolumeMounts: the path %s is taken" .mountPath) }}{{ end }}
{{- $_ := set $mounts .mountPath true }}
{{- end }}
{{- $containers := dict "exporter" true }}
{{- range concat (default (list) .Values.initContainers) (default (list) .Values.extraContainers) }}
{{- if hasKey $containers .name }}{{ fail (printf "initContainers, extraContainers: the name %q is taken" .name) }}{{ end }}
{{- $_ := set $containers .name true }}
{{- end }}

{{- range $value := list "commonLabels" "podLabels" }}
{{- range $key := list "app.kubernetes.io/name" "app.kubernetes.io/instance" }}
{{- if hasKey (default (dict) (get $.Values $value)) $key }}
{{- fail (printf "%s: %s selects the pods: use nameOverride, or another name for the release" $value $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "cloudorg.checkMonitors" -}}
{{- if and (.Values.serviceMonitor).enabled (.Values.podMonitor).enabled }}
{{- fail "serviceMonitor and podMonitor exclude each other: every series would be scraped twice" }}
{{- end }}
{{- range $name := list "serviceMonitor" "podMonitor" "scrapeConfig" }}
{{- with get $.Values $name }}
{{- if and .enabled .interval .scrapeTimeout }}
{{- if gt (int64 (include "cloudorg.milliseconds" .scrapeTimeout)) (int64 (include "cloudorg.milliseconds" .interval)) }}
{{- fail (printf "%s: scrapeTimeout %s is longer than interval %s: the operator would ignore the object" $name .scrapeTimeout .interval) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
