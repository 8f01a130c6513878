# packages.sh - what must be installed, in one place; sourced by ./quickstart and ./test.
PACKAGES_BUILD="gcc g++ make pkg-config git ca-certificates libmicrohttpd-dev libxxhash-dev libzstd-dev zlib1g-dev
 libjemalloc-dev libyaml-dev libsimdjson-dev libcurl4-openssl-dev libpcre2-dev"
PACKAGES_TEST="clang libclang-rt-14-dev python3 libcmocka-dev libavro-dev curl bzip2 nodejs npm chromium prometheus binutils procps python3-yaml python3-jsonschema json-schema-test-suite"

# Installs those of the named Debian packages that are missing; says so; needs root or sudo only then.
packages_install() {
    local missing=() package sudo=
    for package in "$@"; do
        case "$package" in
            # A newer one from elsewhere on the PATH serves as well.
            nodejs) command -v node >/dev/null && continue ;;
            npm) command -v npm >/dev/null && continue ;;
            python3) command -v python3 >/dev/null && continue ;;
        esac
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "missing: ${missing[*]}; run as root, or install sudo" >&2; return 1; }
        sudo=sudo
    fi
    echo "installing: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    $sudo apt-get update -qq >/dev/null &&
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
        { echo "apt-get could not install: ${missing[*]}" >&2; return 1; }
}
