//go:build !tensorflow

package wine_test

const tensorflowBuiltIn = false
