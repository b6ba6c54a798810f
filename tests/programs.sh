#!/bin/sh
# Installs, where it may, the programs that the tests run beside the node, and prints their versions.
# On a machine where it may not, the tests that need them skip with the reason; in CI they fail.
set -u

have() { [ -x "/usr/bin/$1" ] || [ -x "/usr/sbin/$1" ] || ls /usr/lib/postgresql/*/bin/"$1" >/dev/null 2>&1; }

missing=""
want() { have "$1" || missing="$missing $2"; }
want Orthanc orthanc
want storescu dcmtk
want dciodvfy dicom3tools
[ -e /usr/share/java/pixelmed.jar ] || missing="$missing libpixelmed-java default-jre-headless"
want rsyslogd "rsyslog rsyslog-gnutls"
want jing "jing default-jre-headless"
want initdb postgresql
want chromium "chromium fonts-dejavu-core"
want strace strace
want plastimatch plastimatch
want node nodejs
want npm npm
want openssl openssl
want systemd-analyze systemd

if [ -n "$missing" ]; then
    if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
        echo "installing:$missing"
        export DEBIAN_FRONTEND=noninteractive
        # A policy file of ours keeps the servers' own services from starting: tests start their own.
        [ -e /usr/sbin/policy-rc.d ] || { printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; }
        apt-get update -q >/dev/null
        # shellcheck disable=SC2086  # a list of packages
        apt-get install -y -q --no-install-recommends $missing >/dev/null || exit 1
    else
        echo "not installed (their tests skip):$missing"
    fi
fi

first() { "$@" 2>&1 | grep -m1 -E '[0-9]' || true; }
echo "Orthanc:    $(have Orthanc && first Orthanc --version)"
echo "dcmtk:      $(have storescu && first /usr/bin/storescu --version)"
echo "dciodvfy:   $(have dciodvfy && { dpkg-query -W -f '${Version}' dicom3tools 2>/dev/null || first dciodvfy -version; })"
echo "pixelmed:   $(dpkg-query -W -f '${Version}' libpixelmed-java 2>/dev/null)"
echo "rsyslog:    $(have rsyslogd && first rsyslogd -v)"
echo "jing:       $(dpkg-query -W -f '${Version}' jing 2>/dev/null)"
echo "plastimatch: $(have plastimatch && dpkg-query -W -f '${Version}' plastimatch 2>/dev/null)"
echo "Node.js:    $(have node && first node --version)"
echo "PostgreSQL: $(have initdb && first "$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -1 || command -v initdb)" --version)"
echo "Chromium:   $(have chromium && dpkg-query -W -f '${Version}' chromium 2>/dev/null)"
