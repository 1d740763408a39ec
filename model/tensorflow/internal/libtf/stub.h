/* Loading of the library, and one-call runs of a session. */
#ifndef MODELSERVER_LIBTF_STUB_H_
#define MODELSERVER_LIBTF_STUB_H_

#include "tensorflow/c/c_api.h"

enum { MS_MAX_DIMS = 8 };

/* A tensor that goes into a run or comes out of it. */
typedef struct ms_tensor {
  TF_DataType type;
  int num_dims;
  int64_t dims[MS_MAX_DIMS];
  void* data;     /* in: memory of the call, aligned to 64; out: of the tensor */
  size_t bytes;   /* in use */
  size_t capacity;
  TF_Tensor* tensor;
} ms_tensor;

/* Everything that one run needs, allocated once and used again. */
typedef struct ms_call {
  TF_Session* session;
  TF_Buffer* run_options; /* or NULL */
  TF_Status* status;
  int num_inputs, num_outputs;
  TF_Output* input_outputs;
  TF_Output* output_outputs;
  TF_Tensor** input_tensors;
  TF_Tensor** output_tensors;
  ms_tensor* inputs;
  ms_tensor* outputs;
} ms_call;

/* Opens the library of that path, or by the system's rules when it is a bare
 * name. Returns NULL, or what is wrong (to be freed). */
char* ms_open(const char* framework, const char* library);

ms_call* ms_call_new(TF_Session* session, const void* run_options, size_t run_options_len,
                     int num_inputs, int num_outputs);
int ms_call_reserve(ms_tensor* input, size_t bytes);
int ms_call_run(ms_call* call);
void ms_call_release(ms_call* call);
void ms_call_free(ms_call* call);

/* Makes the elements of a TF_STRING input from texts that lie one after the other. */
void ms_strings_set(ms_tensor* input, const char* text, const size_t* lengths, size_t n);
/* Gives the place and length of each element of a TF_STRING output. */
void ms_strings_get(const ms_tensor* output, const char** texts, size_t* lengths, size_t n);

#endif
