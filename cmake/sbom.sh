#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# sbom.sh VERSION PACKAGE…: the bill of materials of grapnel VERSION with these Debian packages, as SPDX 2.3 JSON on stdout. Its time is
# $SOURCE_DATE_EPOCH, so that the same packages give the same bytes.
set -eu

version=$1
shift
. /etc/os-release

# The versions of packages, and so of the whole, tell one document from another.
listing=$(dpkg-query -W -f '${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n' "$@" | LC_ALL=C sort)
digest=$(printf '%s %s' "$version" "$listing" | sha256sum | cut -c1-32)

cat <<END
{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "grapnel-$version",
  "documentNamespace": "https://spdx.org/spdxdocs/grapnel-$version-$digest",
  "creationInfo": {
    "created": "$(date -u -d "@${SOURCE_DATE_EPOCH:-0}" +%Y-%m-%dT%H:%M:%SZ)",
    "creators": ["Tool: grapnel-sbom.sh"]
  },
  "packages": [
    {
      "SPDXID": "SPDXRef-grapnel",
      "name": "grapnel",
      "versionInfo": "$version",
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": false,
      "licenseConcluded": "Apache-2.0",
      "licenseDeclared": "Apache-2.0",
      "copyrightText": "NOASSERTION",
      "primaryPackagePurpose": "APPLICATION"
    }
END
echo "$listing" | while IFS='	' read -r name its_version architecture source source_version; do
    # In a package URL, the + ~ and : of Debian's versions are escaped.
    escaped=$(printf '%s' "$its_version" | sed 's/+/%2B/g; s/~/%7E/g; s/:/%3A/g')
    cat <<END
    ,{
      "SPDXID": "SPDXRef-$(printf '%s' "$name" | sed 's/+/plus/g')",
      "name": "$name",
      "versionInfo": "$its_version",
      "supplier": "Organization: Debian",
      "sourceInfo": "built from the source package $source $source_version",
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": false,
      "licenseConcluded": "NOASSERTION",
      "licenseDeclared": "NOASSERTION",
      "copyrightText": "NOASSERTION",
      "externalRefs": [{
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": "pkg:deb/debian/$(printf '%s' "$name" | sed 's/+/%2B/g')@$escaped?arch=$architecture&distro=$ID-$VERSION_ID"
      }]
    }
END
done
cat <<END
  ],
  "relationships": [
    {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-grapnel"}
END
echo "$listing" | while IFS='	' read -r name _; do
    echo "    ,{\"spdxElementId\": \"SPDXRef-grapnel\", \"relationshipType\": \"DEPENDS_ON\", \"relatedSpdxElement\": \"SPDXRef-$(printf '%s' "$name" | sed 's/+/plus/g')\"}"
done
cat <<END
  ]
}
END
