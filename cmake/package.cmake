# SPDX-License-Identifier: Apache-2.0
# What is installed, and the Debian package for virtual machines:
#
#   cmake --preset release -DGRAPNEL_PACKAGE=ON && cmake --build --preset release && (cd build/release && cpack -G DEB)
#
# Manual pages and completions are written from the program's own help and the CRDs (reference.py), so the program must run here.

if(NOT TARGET grapnel)
    return()
endif()

option(GRAPNEL_PACKAGE "Build manual pages, completions and what else the Debian package needs" OFF)
set(GRAPNEL_PACKAGE_CONTACT "Grapnel maintainers <maintainers@grapnel.invalid>" CACHE STRING "Who maintains the package")

if(NOT GRAPNEL_PACKAGE)
    return()
endif()

# Debian's interpreter has Debian's yaml.
find_program(REFERENCE_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
set(REFERENCE ${PROJECT_SOURCE_DIR}/cmake/reference.py)
set(MADE ${PROJECT_BINARY_DIR}/package)
set(UNIT ${PROJECT_SOURCE_DIR}/manifests/systemd)
file(MAKE_DIRECTORY ${MADE})
set(references)

function(grapnel_reference file writer source)
    add_custom_command(OUTPUT ${MADE}/${file}
        COMMAND ${REFERENCE_PYTHON} ${REFERENCE} ${writer} ${source} > ${MADE}/${file}
        DEPENDS ${REFERENCE} ${source} ${PROJECT_SOURCE_DIR}/crds/generate-readme.py VERBATIM)
    set(references ${references} ${MADE}/${file} PARENT_SCOPE)
endfunction()

function(grapnel_manual page writer source)
    string(REGEX MATCH "[0-9]$" section ${page})
    grapnel_reference(${page} ${writer} ${source})
    add_custom_command(OUTPUT ${MADE}/${page}.gz COMMAND gzip -9nkf ${MADE}/${page} DEPENDS ${MADE}/${page} VERBATIM)
    set(references ${references} ${MADE}/${page}.gz PARENT_SCOPE)
    install(FILES ${MADE}/${page}.gz DESTINATION share/man/man${section})
endfunction()

grapnel_manual(grapnel.1 manual $<TARGET_FILE:grapnel>)
foreach(kind apidefinition webhook operatorcontext)
    grapnel_manual(grapnel-${kind}.5 kind ${PROJECT_SOURCE_DIR}/crds/${kind}s.yaml)
endforeach()
foreach(shell bash zsh fish)
    grapnel_reference(completion.${shell} ${shell} $<TARGET_FILE:grapnel>)
endforeach()

configure_file(${PROJECT_SOURCE_DIR}/cmake/debian/changelog.in ${MADE}/changelog @ONLY)
add_custom_command(OUTPUT ${MADE}/changelog.gz COMMAND gzip -9nkf ${MADE}/changelog DEPENDS ${MADE}/changelog VERBATIM)
add_custom_target(reference ALL DEPENDS ${references} ${MADE}/changelog.gz)
add_dependencies(reference grapnel)

install(FILES ${MADE}/completion.bash DESTINATION share/bash-completion/completions RENAME grapnel)
install(FILES ${MADE}/completion.zsh DESTINATION share/zsh/vendor-completions RENAME _grapnel)
install(FILES ${MADE}/completion.fish DESTINATION share/fish/vendor_completions.d RENAME grapnel.fish)
install(FILES ${MADE}/changelog.gz ${PROJECT_SOURCE_DIR}/cmake/debian/copyright DESTINATION share/doc/grapnel)
install(FILES ${UNIT}/grapnel.service DESTINATION /lib/systemd/system)
install(FILES ${UNIT}/grapnel.sysusers DESTINATION lib/sysusers.d RENAME grapnel.conf)
install(FILES ${UNIT}/grapnel.default DESTINATION /etc/default RENAME grapnel)
install(DIRECTORY DESTINATION /etc/grapnel/objects)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME grapnel)
set(CPACK_PACKAGE_VENDOR Grapnel)
set(CPACK_PACKAGE_CONTACT ${GRAPNEL_PACKAGE_CONTACT})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "global webhooks for open-source Tyk gateways")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Watches API definitions and webhooks in a folder or in a Kubernetes cluster,
resolves every reference to a global webhook into a copy, keeps the copies
current, and brings every gateway to exactly these definitions.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL OFF)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "ca-certificates, systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${PROJECT_SOURCE_DIR}/cmake/debian/conffiles ${PROJECT_SOURCE_DIR}/cmake/debian/postinst
    ${PROJECT_SOURCE_DIR}/cmake/debian/prerm ${PROJECT_SOURCE_DIR}/cmake/debian/postrm)
include(CPack)
