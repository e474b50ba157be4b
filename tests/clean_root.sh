#!/usr/bin/env bash
# Tries a clone of HEAD where nothing of the developer's machine is: a new Debian 12 root (debootstrap, minbase) with
# only git in it.
#
#     ./dev clean-root [COMMAND]      as root; COMMAND (the default: all three) is run by bash in the clone
#
# The root lies under VALISE_CLEAN_ROOT (default: a new folder in TMPDIR or /var/tmp) and stays there, so that a failure
# can be looked into; what is needed to remove it is printed at the end. How this machine reaches package archives (apt's
# sources and settings, pip's, certificate authorities, proxies) is copied as it is: the clone knows nothing of it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
SOURCE=$PWD
COMMAND=${*:-./dev run && ./dev stop && ./dev test}

say() { printf '\033[1m==\033[0m %s\n' "$*"; }
fail() { printf 'clean-root: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "a root file system is made by root"
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap"
if [ -n "$(git status --porcelain)" ]; then say "uncommitted changes are not in the clone"; fi

ROOT=${VALISE_CLEAN_ROOT:-$(mktemp -d -p "${TMPDIR:-/var/tmp}" valise-root-XXXXXX)}
mkdir -p "$ROOT"
ROOT=$(realpath "$ROOT")
chmod 755 "$ROOT"  # it becomes "/", through which every user has to pass
case $ROOT/ in "$SOURCE"/*) fail "$ROOT lies in the tree" ;; esac
[ -z "$(ls -A "$ROOT")" ] || fail "$ROOT is not empty"

leave() {
  local status=$?
  umount -l "$ROOT/dev/shm" "$ROOT/dev/pts" "$ROOT/dev" "$ROOT/proc" 2>/dev/null || true
  say "the root stays: $ROOT (rm -rf --one-file-system $ROOT)"
  exit "$status"
}

# copy PATH…: what is there, to the same place in the root.
copy() {
  local path
  for path in "$@"; do
    [ -e "$path" ] || continue
    mkdir -p "$ROOT$(dirname "$path")"
    cp -aL "$path" "$ROOT$(dirname "$path")/"
  done
}

say "debootstrap: bookworm, minbase, into $ROOT"
mirror=$(sed -n 's/^URIs: *//p; s/^deb  *\(\[[^]]*\] *\)\{0,1\}\([^ ]*\).*/\2/p' /etc/apt/sources.list \
  /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null | grep -m 1 'debian/*$' || true)
debootstrap --variant=minbase --include=git,ca-certificates bookworm "$ROOT" ${mirror:+"$mirror"} \
  >"$ROOT.log" 2>&1 || { tail -n 20 "$ROOT.log" >&2; fail "debootstrap failed; its log: $ROOT.log"; }
rm -f "$ROOT.log" "$ROOT/etc/apt/sources.list"

trap leave EXIT
copy /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d /etc/apt/preferences.d /etc/apt/auth.conf.d \
  /etc/apt/keyrings /etc/apt/trusted.gpg.d /usr/share/keyrings /etc/pip.conf /etc/resolv.conf /etc/hosts \
  /etc/ssl/certs/ca-certificates.crt /usr/local/share/ca-certificates
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
mount --make-rslave "$ROOT/dev"

say "cloning HEAD: $(git log -1 --format='%h %s')"
git clone --quiet --no-hardlinks --single-branch "$SOURCE" "$ROOT/root/valise"
git -C "$ROOT/root/valise" -c advice.detachedHead=false checkout --quiet "$(git rev-parse HEAD)"

# Of this environment only how the network is reached.
carried=(PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM="${TERM:-dumb}")
while read -r name; do carried+=("$name=${!name}"); done \
  < <(compgen -e | grep -E '^(PIP_.*|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|[a-zA-Z]*_(proxy|PROXY)|VALISE_JOBS)$')
say "in the root: $COMMAND"
env -i "${carried[@]}" chroot "$ROOT" bash -c "cd /root/valise && $COMMAND"
