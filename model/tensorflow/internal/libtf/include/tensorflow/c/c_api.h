/*
 * The part of TensorFlow's C API (2.4 or later, stable ABI) that the Go binding
 * and this package use, so that a build needs no TensorFlow. Only types and
 * functions are declared here; TensorFlow's own headers document them.
 */
#ifndef MODELSERVER_TENSORFLOW_C_API_H_
#define MODELSERVER_TENSORFLOW_C_API_H_

#include <stddef.h>
#include <stdint.h>

typedef enum TF_DataType {
  TF_FLOAT = 1,
  TF_DOUBLE = 2,
  TF_INT32 = 3,
  TF_UINT8 = 4,
  TF_INT16 = 5,
  TF_INT8 = 6,
  TF_STRING = 7,
  TF_COMPLEX64 = 8,
  TF_COMPLEX = 8,
  TF_INT64 = 9,
  TF_BOOL = 10,
  TF_QINT8 = 11,
  TF_QUINT8 = 12,
  TF_QINT32 = 13,
  TF_BFLOAT16 = 14,
  TF_QINT16 = 15,
  TF_QUINT16 = 16,
  TF_UINT16 = 17,
  TF_COMPLEX128 = 18,
  TF_HALF = 19,
  TF_RESOURCE = 20,
  TF_VARIANT = 21,
  TF_UINT32 = 22,
  TF_UINT64 = 23,
} TF_DataType;

typedef enum TF_AttrType {
  TF_ATTR_STRING = 0,
  TF_ATTR_INT = 1,
  TF_ATTR_FLOAT = 2,
  TF_ATTR_BOOL = 3,
  TF_ATTR_TYPE = 4,
  TF_ATTR_SHAPE = 5,
  TF_ATTR_TENSOR = 6,
  TF_ATTR_PLACEHOLDER = 7,
  TF_ATTR_FUNC = 8,
} TF_AttrType;

typedef enum TF_Code {
  TF_OK = 0,
  TF_CANCELLED = 1,
  TF_INVALID_ARGUMENT = 3,
  TF_DEADLINE_EXCEEDED = 4,
  TF_RESOURCE_EXHAUSTED = 8,
  TF_OUT_OF_RANGE = 11,
} TF_Code;

typedef struct TF_Buffer TF_Buffer;
typedef struct TF_DeviceList TF_DeviceList;
typedef struct TF_Graph TF_Graph;
typedef struct TF_ImportGraphDefOptions TF_ImportGraphDefOptions;
typedef struct TF_Library TF_Library;
typedef struct TF_Operation TF_Operation;
typedef struct TF_OperationDescription TF_OperationDescription;
typedef struct TF_Session TF_Session;
typedef struct TF_SessionOptions TF_SessionOptions;
typedef struct TSL_Status TF_Status;
typedef struct TF_Tensor TF_Tensor;

struct TF_Buffer {
  const void* data;
  size_t length;
  void (*data_deallocator)(void* data, size_t length);
};

typedef struct TF_Input {
  TF_Operation* oper;
  int index;
} TF_Input;

typedef struct TF_Output {
  TF_Operation* oper;
  int index;
} TF_Output;

typedef struct TF_AttrMetadata {
  unsigned char is_list;
  int64_t list_size;
  TF_AttrType type;
  int64_t total_size;
} TF_AttrMetadata;

/* An element of a TF_STRING tensor: 24 bytes that only the library reads. */
typedef struct TF_TString {
  uint64_t opaque[3];
} TF_TString;

#include "tensorflow/c/eager/types.h"

#define FN(result, name, parameters, arguments) result name parameters;
#include "tensorflow/c/functions.h"
#undef FN

/* The binding knows the string functions by the names of TensorFlow's inline ones. */
static inline void TF_TString_Init(TF_TString* s) { TF_StringInit(s); }
static inline void TF_TString_Copy(TF_TString* s, const char* text, size_t n) { TF_StringCopy(s, text, n); }
static inline const char* TF_TString_GetDataPointer(const TF_TString* s) { return TF_StringGetDataPointer(s); }
static inline size_t TF_TString_GetSize(const TF_TString* s) { return TF_StringGetSize(s); }

#endif
