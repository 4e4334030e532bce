//! The headers that belong to a compiler, as far as declarations need them: distributions ship libclang without its own.

/// Where they seem to be.
pub const DIRECTORY: &str = "/rbtrace/include";

/// Their paths and texts.
pub const FILES: &[(&str, &str)] = &[
    (
        "/rbtrace/include/stddef.h",
        "#ifndef RBTRACE_STDDEF\n#define RBTRACE_STDDEF\n\
         typedef __SIZE_TYPE__ size_t;\ntypedef __PTRDIFF_TYPE__ ptrdiff_t;\ntypedef __WCHAR_TYPE__ wchar_t;\n\
         typedef struct { long long a __attribute__((aligned(8))); long double b __attribute__((aligned(16))); } max_align_t;\n\
         #define NULL ((void *)0)\n#define offsetof(t, m) __builtin_offsetof(t, m)\n#endif\n\
         #ifdef __need_wint_t\ntypedef __WINT_TYPE__ wint_t;\n#endif\n",
    ),
    (
        "/rbtrace/include/stdarg.h",
        "typedef __builtin_va_list __gnuc_va_list;\n\
         #ifndef RBTRACE_STDARG\n#define RBTRACE_STDARG\ntypedef __builtin_va_list va_list;\n#endif\n",
    ),
    ("/rbtrace/include/stdbool.h", "#define bool _Bool\n#define true 1\n#define false 0\n"),
    (
        "/rbtrace/include/stdint.h",
        "#if __STDC_HOSTED__ && __has_include_next(<stdint.h>)\n#include_next <stdint.h>\n#else\n\
         typedef __INT8_TYPE__ int8_t;\ntypedef __INT16_TYPE__ int16_t;\ntypedef __INT32_TYPE__ int32_t;\ntypedef __INT64_TYPE__ int64_t;\n\
         typedef __UINT8_TYPE__ uint8_t;\ntypedef __UINT16_TYPE__ uint16_t;\ntypedef __UINT32_TYPE__ uint32_t;\n\
         typedef __UINT64_TYPE__ uint64_t;\ntypedef __INTPTR_TYPE__ intptr_t;\ntypedef __UINTPTR_TYPE__ uintptr_t;\n#endif\n",
    ),
    (
        "/rbtrace/include/limits.h",
        "#if __STDC_HOSTED__ && __has_include_next(<limits.h>)\n#define _GCC_LIMITS_H_\n#include_next <limits.h>\n#endif\n\
         #undef CHAR_BIT\n#define CHAR_BIT 8\n#undef INT_MAX\n#define INT_MAX __INT_MAX__\n#undef INT_MIN\n#define INT_MIN (-__INT_MAX__ - 1)\n\
         #undef UINT_MAX\n#define UINT_MAX (__INT_MAX__ * 2U + 1U)\n#undef LONG_MAX\n#define LONG_MAX __LONG_MAX__\n\
         #undef LONG_MIN\n#define LONG_MIN (-__LONG_MAX__ - 1L)\n#undef ULONG_MAX\n#define ULONG_MAX (__LONG_MAX__ * 2UL + 1UL)\n",
    ),
];
