/* The binding includes this file; everything is declared in the other one. */
#include "tensorflow/c/c_api.h"
