//go:build tensorflow

/* The functions of the C API as calls through pointers that ms_open sets. */
#define _GNU_SOURCE
#include "stub.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void not_open(const char* name) {
  fprintf(stderr, "libtf: %s was called before the TensorFlow library was opened\n", name);
  abort();
}

#define FN(result, name, parameters, arguments)      \
  static result(*ptr_##name) parameters;             \
  result name parameters {                           \
    if (__builtin_expect(!ptr_##name, 0)) not_open(#name); \
    return ptr_##name arguments;                     \
  }
#include "tensorflow/c/functions.h"
#undef FN

static char* last_dl_error(const char* what) {
  const char* why = dlerror();
  char* text = NULL;
  if (asprintf(&text, "%s: %s", what, why ? why : "unknown error") < 0) return strdup(what);
  return text;
}

/* resolve looks up every function, and sets the pointers only if all are there. */
static char* resolve(void* lib) {
#define FN(result, name, parameters, arguments) \
  if (!dlsym(lib, #name)) return last_dl_error("the library is not TensorFlow 2.4 or later");
#include "tensorflow/c/functions.h"
#undef FN
#define FN(result, name, parameters, arguments) *(void**)&ptr_##name = dlsym(lib, #name);
#include "tensorflow/c/functions.h"
#undef FN
  return NULL;
}

char* ms_open(const char* framework, const char* library) {
  void* first = NULL;
  if (framework) {
    first = dlopen(framework, RTLD_NOW | RTLD_LOCAL);
    if (!first) return last_dl_error(framework);
  }
  void* lib = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!lib) {
    char* text = last_dl_error(library);
    if (first) dlclose(first);
    return text;
  }
  return resolve(lib); /* a library once loaded stays: it does not support unloading */
}
