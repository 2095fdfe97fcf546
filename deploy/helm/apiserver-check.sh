#!/usr/bin/env bash
# The chart and a real kube-apiserver: every list of values as a server-side
# dry run in a namespace of PodSecurity "restricted", then install, upgrade,
# upgrade to shards and uninstall. A real controller manager makes the pods; no
# kubelet runs them. Loopback only.
# Usage: apiserver-check.sh BINDIR CRDDIR     BINDIR: kube-apiserver.sh build
set -euo pipefail
bin=$(cd "$1" && pwd) crds=$(cd "$2" && pwd)
cd "$(dirname "$0")"
dir=$(mktemp -d)
export KUBECONFIG=$dir/kubeconfig PATH=$bin:$PATH
trap './kube-apiserver.sh stop "$dir"; rm -rf "$dir"' EXIT
step() { printf -- '-- %s\n' "$*"; }
fail() { echo "apiserver-check: $*" >&2; exit 1; }
quiet() { "$@" 2> >(grep -v 'found symbolic link' >&2); }
# eventually waits up to half a minute for the output of a command.
eventually() { # want command...
	local want=$1 have=
	shift
	for _ in $(seq 60); do
		have=$("$@" 2>/dev/null) || true
		[ "$have" = "$want" ] && return
		sleep 0.5
	done
	fail "want $want, have $have: $*"
}

./kube-apiserver.sh start "$bin" "$dir" >/dev/null
kubectl version | sed -n 's/^Server/-- kube-apiserver/p'
for crd in "$crds"/*.yaml; do kubectl apply --server-side -f "$crd" >/dev/null; done
kubectl wait --for=condition=Established crd --all --timeout=60s >/dev/null 2>&1
kubectl create namespace monitoring >/dev/null
kubectl create namespace observability >/dev/null
kubectl config set-context --current --namespace=monitoring >/dev/null
kubectl label namespace monitoring pod-security.kubernetes.io/{enforce,warn,audit}=restricted >/dev/null
kubectl create priorityclass low --value=1 >/dev/null

step "server-side dry run, strict, PodSecurity restricted"
dry() { # values...
	quiet helm template t cloudorg-exporter -n monitoring --kube-version 1.36.3 "$@" >"$dir/all.yaml"
	kubectl apply --server-side --dry-run=server --validate=strict -f "$dir/all.yaml" 2>&1
}
for f in cloudorg-exporter/ci/*-values.yaml; do
	dry -f "$f" >"$dir/out" || { cat "$dir/out"; fail "$f is refused"; }
	grep -i warning "$dir/out" && fail "$f: a warning"
	printf '%-50s %s objects, no warning\n' "$f" "$(wc -l <"$dir/out")"
done
dry --set demo=true --set securityContext.allowPrivilegeEscalation=true >"$dir/out" || true
grep -q 'violates PodSecurity "restricted' "$dir/out" || fail "PodSecurity says nothing to a pod that is not restricted"
echo "a pod that may escalate: $(grep -o 'violates PodSecurity "[^"]*"' "$dir/out" | head -1)"

step "plain manifests"
kubectl create namespace cloudorg-exporter >/dev/null
kubectl label namespace cloudorg-exporter pod-security.kubernetes.io/{enforce,warn}=restricted >/dev/null
for k in ../kubernetes ../kubernetes-environment ../kubernetes/prometheus-operator; do
	kubectl apply --server-side --dry-run=server --validate=strict -k "$k" >"$dir/out" 2>&1 || { cat "$dir/out"; fail "$k is refused"; }
	grep -i warning "$dir/out" && fail "$k: a warning"
	cat "$dir/out"
done

pods() { kubectl -n monitoring get pods -o "jsonpath={range .items[*]}{.metadata.name} {end}" -l app.kubernetes.io/instance=acme | wc -w; }
annotation() { kubectl -n monitoring get deployment acme-cloudorg-exporter -o "jsonpath={.spec.template.metadata.annotations.checksum/config}"; }
step "install"
quiet helm install acme cloudorg-exporter -n monitoring -f cloudorg-exporter/ci/created-keys-values.yaml --set prometheusRule.enabled=true,dashboards.enabled=true | sed -n 's/^STATUS/status/p'
eventually 1 pods
before=$(annotation)
kubectl -n monitoring get deployment,service,serviceaccount,configmap,servicemonitor,prometheusrule -l app.kubernetes.io/instance=acme -o name
step "upgrade: a key changes, nothing rolls; the configuration changes, the pods roll"
generation() { kubectl -n monitoring get deployment acme-cloudorg-exporter -o "jsonpath={.metadata.generation}"; }
old=$(generation)
quiet helm upgrade acme cloudorg-exporter -n monitoring --reuse-values --set keys.create.acme-secret=ROTATED >/dev/null
[ "$(generation)" = "$old" ] || fail "a key rolled the pods"
[ "$(kubectl -n monitoring get secret acme-cloudorg-exporter-keys -o 'jsonpath={.data.acme-secret}' | base64 -d)" = ROTATED ] || fail "the key is the old one"
quiet helm upgrade acme cloudorg-exporter -n monitoring --reuse-values --set config.defaults.cache_ttl=15m >/dev/null
[ "$(annotation)" != "$before" ] || fail "the configuration rolled nothing"
echo "generation $old, then $(generation)"
step "upgrade to three shards, and to four"
quiet helm upgrade acme cloudorg-exporter -n monitoring --reuse-values --set shards=3 >/dev/null
eventually 3 pods
kubectl -n monitoring get statefulset,service -l app.kubernetes.io/instance=acme -o name
quiet helm upgrade acme cloudorg-exporter -n monitoring --reuse-values --set shards=4 >/dev/null
eventually 4 pods
kubectl -n monitoring get pods -l app.kubernetes.io/instance=acme \
	-o 'custom-columns=POD:.metadata.name,INDEX:.metadata.labels.apps\.kubernetes\.io/pod-index,FROM:.spec.containers[0].env[0].valueFrom.fieldRef.fieldPath,OF:.spec.containers[0].args[-1]'
step "and back to one, then uninstall"
quiet helm upgrade acme cloudorg-exporter -n monitoring --reuse-values --set shards=1 >/dev/null
eventually 1 pods
helm uninstall acme -n monitoring
eventually 0 pods
left=$(kubectl -n monitoring get all,configmap,secret,servicemonitor,prometheusrule,pdb,networkpolicy -l app.kubernetes.io/instance=acme -o name)
[ -z "$left" ] || fail "left behind: $left"
echo "nothing is left"
