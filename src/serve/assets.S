/* The files of web/ as bytes of the program: assets_NAME up to assets_NAME_end, per row of assets.def. */
#define ASSET(name, file, path, content_type) \
    .global assets_##name; assets_##name: .incbin file; \
    .global assets_##name##_end; assets_##name##_end: .byte 0;
#define ALIAS(name, path, content_type)

    .section .rodata
#include "serve/assets.def"

    .section .note.GNU-stack, "", %progbits
