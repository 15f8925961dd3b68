# SPDX-License-Identifier: Apache-2.0
# cmake -DOUTPUT=… -DFILES=a;b -P embed.cmake: writes the CRDs into a C file (core/schemas.h).
set(arrays "")
set(table "")
set(number 0)
foreach(file ${FILES})
    get_filename_component(name ${file} NAME)
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
    string(APPEND arrays "static const char bytes_${number}[] = {${bytes}'\\0'};\n")
    string(APPEND table "    {\"${name}\", bytes_${number}, sizeof(bytes_${number}) - 1},\n")
    math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUTPUT}.new "#include \"core/schemas.h\"\n\n${arrays}\n"
    "const struct crd_text crd_texts[] = {\n${table}};\nconst size_t crd_text_count = ${number};\n")
file(RENAME ${OUTPUT}.new ${OUTPUT})
