//go:build tensorflow

/* A run of a session as one call, with memory that is used again and tensors
 * that are freed at once. */
#include "stub.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 }; /* what the library wants, or else it copies */

static void keep(void* data, size_t len, void* arg) {
  (void)data;
  (void)len;
  (void)arg;
}

ms_call* ms_call_new(TF_Session* session, const void* run_options, size_t run_options_len,
                     int num_inputs, int num_outputs) {
  ms_call* c = calloc(1, sizeof *c);
  c->session = session;
  c->status = TF_NewStatus();
  if (run_options_len > 0) {
    void* copy = malloc(run_options_len);
    memcpy(copy, run_options, run_options_len);
    c->run_options = TF_NewBuffer();
    c->run_options->data = copy;
    c->run_options->length = run_options_len;
  }
  c->num_inputs = num_inputs;
  c->num_outputs = num_outputs;
  c->input_outputs = calloc(num_inputs + 1, sizeof *c->input_outputs);
  c->output_outputs = calloc(num_outputs + 1, sizeof *c->output_outputs);
  c->input_tensors = calloc(num_inputs + 1, sizeof *c->input_tensors);
  c->output_tensors = calloc(num_outputs + 1, sizeof *c->output_tensors);
  c->inputs = calloc(num_inputs + 1, sizeof *c->inputs);
  c->outputs = calloc(num_outputs + 1, sizeof *c->outputs);
  return c;
}

int ms_call_reserve(ms_tensor* t, size_t bytes) {
  if (t->capacity >= bytes && t->data) return 1;
  size_t capacity = bytes + bytes / 4 + ALIGNMENT;
  capacity -= capacity % ALIGNMENT;
  void* data = aligned_alloc(ALIGNMENT, capacity);
  if (!data) return 0;
  free(t->data);
  t->data = data;
  t->capacity = capacity;
  return 1;
}

static void delete_inputs(ms_call* c) {
  for (int i = 0; i < c->num_inputs; i++) {
    if (c->input_tensors[i]) TF_DeleteTensor(c->input_tensors[i]);
    c->input_tensors[i] = NULL;
    c->inputs[i].tensor = NULL;
  }
}

/* describe copies a result's form to where Go can read it without a call. */
static int describe(ms_tensor* o, TF_Tensor* t) {
  o->tensor = t;
  o->type = TF_TensorType(t);
  o->num_dims = TF_NumDims(t);
  if (o->num_dims > MS_MAX_DIMS) return 0;
  for (int d = 0; d < o->num_dims; d++) o->dims[d] = TF_Dim(t, d);
  o->data = TF_TensorData(t);
  o->bytes = TF_TensorByteSize(t);
  return 1;
}

int ms_call_run(ms_call* c) {
  for (int i = 0; i < c->num_inputs; i++) {
    ms_tensor* in = &c->inputs[i];
    c->input_tensors[i] = in->tensor ? in->tensor
        : TF_NewTensor(in->type, in->dims, in->num_dims, in->data, in->bytes, keep, NULL);
  }
  TF_SessionRun(c->session, c->run_options, c->input_outputs, c->input_tensors, c->num_inputs,
                c->output_outputs, c->output_tensors, c->num_outputs, NULL, 0, NULL, c->status);
  delete_inputs(c);
  int code = TF_GetCode(c->status);
  for (int i = 0; i < c->num_outputs && code == TF_OK; i++) {
    if (!describe(&c->outputs[i], c->output_tensors[i])) code = TF_INVALID_ARGUMENT;
  }
  return code;
}

void ms_call_release(ms_call* c) {
  for (int i = 0; i < c->num_outputs; i++) {
    if (c->output_tensors[i]) TF_DeleteTensor(c->output_tensors[i]);
    c->output_tensors[i] = NULL;
    memset(&c->outputs[i], 0, sizeof c->outputs[i]);
  }
}

void ms_call_free(ms_call* c) {
  delete_inputs(c);
  ms_call_release(c);
  for (int i = 0; i < c->num_inputs; i++) free(c->inputs[i].data);
  if (c->run_options) {
    free((void*)c->run_options->data);
    c->run_options->data = NULL;
    TF_DeleteBuffer(c->run_options);
  }
  TF_DeleteStatus(c->status);
  free(c->input_outputs);
  free(c->output_outputs);
  free(c->input_tensors);
  free(c->output_tensors);
  free(c->inputs);
  free(c->outputs);
  free(c);
}

void ms_strings_set(ms_tensor* in, const char* text, const size_t* lengths, size_t n) {
  in->tensor = TF_AllocateTensor(TF_STRING, in->dims, in->num_dims, n * sizeof(TF_TString));
  TF_TString* strings = TF_TensorData(in->tensor);
  for (size_t i = 0; i < n; i++) {
    TF_StringInit(&strings[i]);
    TF_StringCopy(&strings[i], text, lengths[i]);
    text += lengths[i];
  }
}

void ms_strings_get(const ms_tensor* out, const char** texts, size_t* lengths, size_t n) {
  const TF_TString* strings = out->data;
  for (size_t i = 0; i < n; i++) {
    texts[i] = TF_StringGetDataPointer(&strings[i]);
    lengths[i] = TF_StringGetSize(&strings[i]);
  }
}
