/* The opaque types of the eager half of the API. */
#ifndef MODELSERVER_TENSORFLOW_C_EAGER_TYPES_H_
#define MODELSERVER_TENSORFLOW_C_EAGER_TYPES_H_

typedef struct TFE_Context TFE_Context;
typedef struct TFE_ContextOptions TFE_ContextOptions;
typedef struct TFE_TensorHandle TFE_TensorHandle;

#endif
