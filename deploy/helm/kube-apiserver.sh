#!/bin/sh
# A real kube-apiserver and kubectl from the Go module k8s.io/kubernetes, and a single-node etcd from Debian (etcd-server), on loopback:
# server-side dry runs, CRDs, PodSecurity, helm install and upgrade for real. No kubelet: pods are stored, not run.
# Usage: kube-apiserver.sh build BINDIR        (about ten minutes with a cold build cache)
#        kube-apiserver.sh start BINDIR DIR    (prints KUBECONFIG; process ids in DIR/*.pid)
#        kube-apiserver.sh stop DIR
set -eu
version=1.36.3 staging=v0.36.3
case $1 in
build)
  mkdir -p "$2"; bin=$(cd "$2" && pwd)
  dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
  cd "$dir"
  export GOFLAGS=-mod=mod
  go mod init scratch.local/kube
  go mod download "k8s.io/kubernetes@v$version"
  mod=$(go env GOMODCACHE)/cache/download/k8s.io/kubernetes/@v/v$version.mod
  grep -oE 'k8s.io/[a-z0-9-]+ => ./staging' "$mod" | cut -d' ' -f1 | while read -r m; do go mod edit -replace="$m=$m@$staging"; done
  go mod edit -godebug=default=go1.26 -require="k8s.io/kubernetes@v$version"
  printf '//go:build tools\n\npackage tools\n\nimport (\n\t_ "k8s.io/kubernetes/cmd/kube-apiserver"\n\t_ "k8s.io/kubernetes/cmd/kubectl"\n\t_ "k8s.io/kubernetes/cmd/kube-controller-manager"\n)\n' > tools.go
  go mod tidy -e
  for b in kube-apiserver kube-controller-manager kubectl; do
    go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36" -o "$bin/$b" "k8s.io/kubernetes/cmd/$b"
  done
  ;;
start)
  bin=$(cd "$2" && pwd); mkdir -p "$3"; cd "$3"; dir=$PWD
  [ -f sa.key ] || { openssl genrsa -out sa.key 2048; openssl rsa -in sa.key -pubout -out sa.pub; } 2>/dev/null
  token=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
  echo "$token,admin,admin,system:masters" > tokens.csv
  etcd --data-dir etcd --listen-client-urls http://127.0.0.1:12379 --advertise-client-urls http://127.0.0.1:12379 \
    --listen-peer-urls http://127.0.0.1:12380 --initial-advertise-peer-urls http://127.0.0.1:12380 --initial-cluster default=http://127.0.0.1:12380 > etcd.log 2>&1 &
  echo $! > etcd.pid
  "$bin/kube-apiserver" --etcd-servers=http://127.0.0.1:12379 --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port=16443 --cert-dir="$dir/certs" \
    --service-account-issuer=https://kubernetes.default.svc --service-account-signing-key-file=sa.key --service-account-key-file=sa.pub --token-auth-file=tokens.csv \
    --authorization-mode=RBAC --service-cluster-ip-range=10.0.0.0/24 --endpoint-reconciler-type=none --disable-admission-plugins=ServiceAccount > apiserver.log 2>&1 &
  echo $! > apiserver.pid
  cat > kubeconfig <<K
apiVersion: v1
kind: Config
clusters: [{name: local, cluster: {server: "https://127.0.0.1:16443", insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: "$token"}}]
contexts: [{name: local, context: {cluster: local, user: admin}}]
current-context: local
K
  for _ in $(seq 90); do "$bin/kubectl" --kubeconfig kubeconfig get --raw /readyz >/dev/null 2>&1 && break; sleep 1; done
  "$bin/kubectl" --kubeconfig kubeconfig get --raw /readyz >/dev/null || { tail -5 apiserver.log >&2; exit 1; }
  "$bin/kube-controller-manager" --kubeconfig=kubeconfig --bind-address=127.0.0.1 --secure-port=16444 --cert-dir="$dir/certs" --leader-elect=false \
    --controllers=deployment-controller,replicaset-controller,statefulset-controller,garbage-collector-controller,disruption-controller > manager.log 2>&1 &
  echo $! > manager.pid
  echo "KUBECONFIG=$dir/kubeconfig"
  ;;
stop)
  for p in manager apiserver etcd; do
    [ -f "$2/$p.pid" ] || continue
    pid=$(cat "$2/$p.pid")
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 30); do kill -0 "$pid" 2>/dev/null || break; sleep 0.5; done
  done
  ;;
*) sed -n 2,7p "$0"; exit 2 ;;
esac
