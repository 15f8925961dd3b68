# SPDX-License-Identifier: Apache-2.0
# Interface targets that every object of the project links: warnings, sanitizers, hardening.

add_library(warnings INTERFACE)
target_compile_options(warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wformat=2 -Wcast-qual
    -Wwrite-strings -Wpointer-arith -Wundef -Wvla -Walloca -Wstrict-prototypes -Wmissing-prototypes
    -Wmissing-declarations -Wold-style-definition -Wredundant-decls -Wnested-externs
    -Wnull-dereference -Wdouble-promotion -Wfloat-equal -Winit-self -Wdate-time -Wswitch)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(warnings INTERFACE
        -Warith-conversion -Wformat-signedness -Wformat-truncation=2 -Wformat-overflow=2
        -Wcast-align=strict -Wimplicit-fallthrough=5 -Wduplicated-cond -Wduplicated-branches
        -Wlogical-op -Wjump-misses-init -Wstringop-overflow=4 -Warray-bounds=2
        -Wuse-after-free=3 -Walloc-zero -Wbad-function-cast -Wenum-conversion -Wtrampolines
        -Wunused-macros -Wsuggest-attribute=format -Wsuggest-attribute=noreturn)
else()
    target_compile_options(warnings INTERFACE
        -Wno-gnu-auto-type -Wno-gnu-statement-expression -Wno-gnu-zero-variadic-macro-arguments
        # clang-format breaks long strings, also those in a list of strings.
        -Wno-string-concatenation)
endif()
if(GRAPNEL_WERROR)
    target_compile_options(warnings INTERFACE -Werror)
endif()

add_library(instrumentation INTERFACE)
target_compile_options(instrumentation INTERFACE -fno-omit-frame-pointer)
if(GRAPNEL_SANITIZE)
    target_compile_options(instrumentation INTERFACE
        -fsanitize=address,undefined -fno-sanitize-recover=all)
    target_link_options(instrumentation INTERFACE -fsanitize=address,undefined)
endif()
if(GRAPNEL_FUZZ)
    target_compile_options(instrumentation INTERFACE -fsanitize=fuzzer-no-link)
endif()

add_library(hardening INTERFACE)
if(GRAPNEL_HARDEN)
    set(CMAKE_POSITION_INDEPENDENT_CODE ON)
    target_compile_options(hardening INTERFACE
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection
        -ftrivial-auto-var-init=zero -fPIE
        # The same bytes wherever it is built.
        -ffile-prefix-map=${PROJECT_BINARY_DIR}=build -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        target_compile_options(hardening INTERFACE -fcf-protection=full)
    elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64")
        target_compile_options(hardening INTERFACE -mbranch-protection=standard)
    endif()
    target_link_options(hardening INTERFACE
        -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code -Wl,--as-needed)
endif()
