# SPDX-License-Identifier: Apache-2.0
# cmake -DOUTPUT=… -DFILE=… -DHEADER=… -DNAME=… -P embed_text.cmake: a file's bytes as a span.
file(READ ${FILE} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
file(WRITE ${OUTPUT}.new "#include \"${HEADER}\"\n\nstatic const char bytes[] = {${bytes}'\\0'};\n"
    "const struct span ${NAME} = {bytes, sizeof(bytes) - 1};\n")
file(RENAME ${OUTPUT}.new ${OUTPUT})
