#!/usr/bin/env bash
# Installs what tradeplane needs and this machine lacks, and says what and why. Does nothing when nothing is missing.
#
# Shell, since on a fresh machine there is neither Python nor make to rely on. What is needed is in requirements.table;
# what Debian does not have in the version needed (uv, Go) goes into a cache directory of the user's, pinned and checked.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly table=$here/requirements.table
readonly cache=${TRADEPLANE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tradeplane}
readonly tools=$cache/tools
readonly log=$cache/bootstrap.log
readonly cluster=${CLUSTER:-embedded}
readonly checks=${CHECKS:-1}

# The Go module proxy serves whole toolchains, and go.sum has their digests; Debian 12 has 1.19.
go_version=$(sed -n 's/.*-go\([0-9.]*\)\.linux-amd64 .*/\1/p' "$here/go.sum")
readonly go_version go_oldest=1.26
uv_version=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' "$here/uv.txt")
readonly uv_version
readonly uv_home=$tools/uv-$uv_version go_home=$tools/go-$go_version
# What this machine trusts, a company's own authority included; uv and pip bring lists of their own otherwise.
readonly authorities=/etc/ssl/certs/ca-certificates.crt
readonly system_python=/usr/bin/python3
readonly binfmt=/proc/sys/fs/binfmt_misc

# A user's PATH may lack these, and the programs there are looked for and run by name.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL=C.UTF-8

usage() {
    cat <<EOF
usage: bootstrap/bootstrap.sh [--check | --env | --help]

Installs what this machine lacks, and says what and why. System packages need root on Debian 12 or newer.

  --check   print what is missing and change nothing; exit 1 if anything is
  --env     print shell commands that put the pinned uv and Go on PATH, and choose Python; use: eval "\$(bootstrap/bootstrap.sh --env)"
  --help    print this

Environment:
  CLUSTER=embedded|kind|current  leave out what only the embedded cluster needs, with kind or current
  CHECKS=0                       leave out what only tests and checks need, a browser among it
  ARM64=0                        do without an emulated arm64 node
  TRADEPLANE_CACHE               where uv and Go go (now $cache)
  UV_PYTHON                      the Python to make the environment with, in place of $system_python

Exit codes: 0 nothing is missing, 1 something is missing or could not be installed, 2 usage.
EOF
}

say() { printf 'bootstrap: %s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

# run WHAT COMMAND...: run a step with its output in the log; on failure show the end of it.
run() {
    local what=$1 started=$SECONDS
    shift
    say "$what ..."
    mkdir -p "$cache"
    if ! "$@" </dev/null >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        fail "$what failed; above is the end of $log"
    fi
    say "$what: done in $((SECONDS - started)) s"
}

# at_least VERSION OLDEST: compare dotted numbers.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# version_of PROGRAM: the first dotted number that `PROGRAM --version` prints.
version_of() { "$1" --version 2>/dev/null | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1; }

# go_suffices PROGRAM: whether this is a Go that is new enough. Only its own version counts, not one it would download.
go_suffices() {
    local found
    found=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
    at_least "${found#go}" "$go_oldest"
}

# find_go: print the directory of a Go that is new enough, if there is one.
find_go() {
    local candidate
    for candidate in "$(command -v go || true)" /usr/local/go/bin/go "$go_home/bin/go"; do
        if [ -x "$candidate" ] && go_suffices "$candidate"; then
            dirname "$candidate"
            return
        fi
    done
    return 1
}

# suffices_as_python PROGRAM: whether this is a Python that is new enough and makes virtual environments.
suffices_as_python() { "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# find_uv: print the directory of the pinned uv, if it is here.
find_uv() {
    local found
    found=$(command -v uv || true)
    if [ -x "$uv_home/bin/uv" ]; then
        echo "$uv_home/bin"
    elif [ -n "$found" ] && [ "$(version_of "$found")" = "$uv_version" ]; then
        dirname "$found"
    else
        return 1
    fi
}

# present PROBE [ARGUMENT...]: whether the machine has what one line of the table asks for.
present() {
    case $1 in
    program) command -v "$2" >/dev/null ;;
    file) [ -e "$2" ] ;;
    package) [ "$(dpkg-query -W -f '${db:Status-Status}' "$2" 2>/dev/null)" = installed ] ;;
    newer) command -v "$2" >/dev/null && at_least "$(version_of "$2")" "$3" ;;
    builder) docker buildx version >/dev/null 2>&1 || command -v podman >/dev/null || command -v buildah >/dev/null ;;
    python) suffices_as_python python3 ;;
    *) fail "$table: unknown probe $1" ;;
    esac
}

# missing_packages: print "package | why" for each line of the table that this machine does not meet.
missing_packages() {
    local scope probe package why
    while IFS='|' read -r scope probe package why; do
        scope=${scope// /} package=${package// /}
        [ "$scope" != embedded ] || [ "$cluster" = embedded ] || continue
        [ "$scope" != checks ] || [ "$checks" != 0 ] || continue
        # shellcheck disable=SC2086 # a probe is a word and its arguments
        present $probe || printf '%s | %s\n' "$package" "${why# }"
    done < <(grep -vE '^(#|$)' "$table") | sort -u -t '|' -k 1,1
}

emulates_arm64() { grep -qs '^enabled' "$binfmt/qemu-aarch64"; }

wants_arm64() { [ "$cluster" = embedded ] && [ "${ARM64:-1}" != 0 ] && [ "$(uname -m)" = x86_64 ]; }

# survey: set what is missing: $packages (lines of "package | why"), $lacks_uv, $lacks_go, $lacks_binfmt (0 or 1).
survey() {
    packages=$(missing_packages)
    lacks_uv=0 lacks_go=0 lacks_binfmt=0
    find_uv >/dev/null || lacks_uv=1
    find_go >/dev/null || lacks_go=1
    ! wants_arm64 || emulates_arm64 || lacks_binfmt=1
}

report() {
    local package why
    while IFS='|' read -r package why; do
        printf '  %-28s %s\n' "${package% }" "${why# }"
    done <<<"$packages" | grep -v '^ *$' || true
    [ "$lacks_uv" = 0 ] || printf '  %-28s %s\n' "uv $uv_version (PyPI)" 'installs the locked Python environments'
    [ "$lacks_go" = 0 ] || printf '  %-28s %s\n' "Go $go_version (module proxy)" 'builds Kubernetes for the embedded cluster'
    [ "$lacks_binfmt" = 0 ] || printf '  %-28s %s\n' 'binfmt qemu-aarch64 (kernel)' 'starts arm64 programs: images, and the arm64 node'
}

complete() { [ -z "$packages" ] && [ "$lacks_uv$lacks_go" = 00 ]; }

names() { cut -d ' ' -f 1 <<<"$1" | tr '\n' ' ' | sed 's/ $//'; }

explain_no_root() {
    say 'system packages can be installed by root alone. As root, run:'
    printf '  dpkg --add-architecture arm64\n  apt-get update\n  apt-get install --no-install-recommends %s\n' "$(names "$packages")" >&2
    say 'The embedded cluster needs root to run, too. With a cluster of your own, CLUSTER=kind or CLUSTER=current needs less.'
    exit 1
}

explain_no_apt() {
    say "this is no Debian (no apt-get): install what is listed above by this system's own means; the names are Debian's."
    exit 1
}

install_packages() {
    if ! command -v apt-get >/dev/null || [ ! -e /etc/debian_version ]; then
        explain_no_apt
    fi
    [ "$(id -u)" = 0 ] || explain_no_root
    export DEBIAN_FRONTEND=noninteractive
    if grep -q ':arm64' <<<"$packages" && ! dpkg --print-foreign-architectures | grep -qx arm64; then
        run 'adding the architecture arm64 to dpkg' dpkg --add-architecture arm64
    fi
    run 'reading the package lists' apt-get -q -o DPkg::Lock::Timeout=300 update
    # shellcheck disable=SC2046 # names of packages, one word each
    run "installing $(wc -l <<<"$packages") packages and what they need" \
        apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends $(names "$packages")
}

install_uv() {
    local fresh=$uv_home.$$
    mkdir -p "$tools"
    run "installing uv $uv_version into $uv_home" make_uv "$fresh"
}

# make_uv DIRECTORY: build beside the place it goes to, so that an interrupted run leaves nothing half-made there.
# Chained by &&, here and below, since `set -e` does not hold in a function whose failure is being asked about.
make_uv() {
    python3 -m venv "$1" &&
        PIP_CERT=${PIP_CERT:-$authorities} "$1/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$here/uv.txt" &&
        rm -rf "$uv_home" &&
        mv "$1" "$uv_home"
}

install_go() {
    run "fetching Go $go_version into $go_home" python3 "$here/go_toolchain.py" "$here/go.sum" "$go_home"
}

enable_binfmt() {
    local remedy='Enable it on the host (docker run --privileged --rm tonistiigi/binfmt --install arm64), or set ARM64=0.'
    if [ "$(id -u)" != 0 ]; then
        say "arm64 programs cannot be started, and only root can have the kernel do so. $remedy"
        return
    fi
    [ -e "$binfmt/register" ] || mount -t binfmt_misc binfmt_misc "$binfmt" 2>/dev/null || true
    update-binfmts --enable qemu-aarch64 2>/dev/null || true
    if emulates_arm64; then
        say 'arm64 programs: the kernel starts them with qemu now'
    else
        say "arm64 programs cannot be started: the kernel does not let this machine register qemu (a container?). $remedy"
    fi
}

# print_env: put the directories in front that hold another uv or Go than the one found on PATH, and choose the Python of
# the environment: the system's own, which on Debian 12 is the oldest that is supported and the one that images have.
print_env() {
    local folder path=$PATH
    folder=$(find_go) && [ "$folder/go" != "$(command -v go)" ] && path=$folder:$path
    folder=$(find_uv) && [ "$folder/uv" != "$(command -v uv)" ] && path=$folder:$path
    printf 'export PATH=%q UV_SYSTEM_CERTS=%q\n' "$path" "${UV_SYSTEM_CERTS:-1}"
    if [ -n "${UV_PYTHON-}" ] || suffices_as_python "$system_python"; then
        printf 'export UV_PYTHON=%q\n' "${UV_PYTHON:-$system_python}"
    fi
}

install() {
    local started=$SECONDS
    survey
    if complete && [ "$lacks_binfmt" = 0 ]; then
        return
    fi
    say 'missing on this machine:'
    report >&2
    [ -z "$packages" ] || install_packages
    [ "$lacks_uv" = 0 ] || install_uv
    [ "$lacks_go" = 0 ] || install_go
    [ "$lacks_binfmt" = 0 ] || enable_binfmt
    survey
    if ! complete; then
        report >&2
        fail 'still missing after installing it: the lines above. Is a newer program of another origin first on PATH?'
    fi
    local outcome=complete
    [ "$lacks_binfmt" = 0 ] || outcome='complete but for arm64 programs (above),'
    say "$outcome after $((SECONDS - started)) s. To use the same uv and Go: eval \"\$($0 --env)\""
}

check() {
    survey
    report
    complete && [ "$lacks_binfmt" = 0 ]
}

case ${1-} in
'') install ;;
--check) check ;;
--env) print_env ;;
--help | -h) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
