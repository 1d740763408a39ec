package graphdef

import (
	"maps"
	"slices"
	"strings"
)

// The allow-list. An operation that is not here is refused, so that one which a
// later release of the library adds is not let in by accident. On the list are
// operations that compute outputs out of inputs and nothing else: no files, no
// network, no Python, no randomness, no printing, no uninitialised memory, no
// state that outlives a run.
// Names of variants follow TensorFlow's own (V2, V3…).

// computing operations may serve.
var computing = set(`
	Const Identity IdentityN Placeholder PlaceholderV2 PlaceholderWithDefault NoOp StopGradient
	PreventGradient EnsureShape GuaranteeConst Assert CheckNumerics CheckNumericsV2 FakeParam
	Snapshot DeepCopy

	Abs Acos Acosh Add AddN AddV2 AccumulateNV2 Angle ApproximateEqual Asin Asinh Atan Atan2 Atanh
	BesselI0 BesselI0e BesselI1 BesselI1e Betainc Bitcast BitwiseAnd BitwiseOr BitwiseXor Cast Ceil
	ClipByValue Complex ComplexAbs Conj Cos Cosh Cross Cumprod Cumsum CumulativeLogsumexp Digamma Div
	DivNoNan Equal Erf Erfc Erfinv Exp Expm1 Floor FloorDiv FloorMod Greater GreaterEqual Igamma
	Igammac Imag Inv Invert IsFinite IsInf IsNan LeftShift Less LessEqual Lgamma Log Log1p LogicalAnd
	LogicalNot LogicalOr Maximum Minimum Mod Mul MulNoNan Ndtri Neg NextAfter NotEqual Polygamma
	PopulationCount Pow Real RealDiv Reciprocal RightShift Rint Round Rsqrt Select SelectV2 Sign Sin
	Sinh Sqrt Square SquaredDifference Sub Tan Tanh TruncateDiv TruncateMod Xdivy Xlog1py Xlogy Zeta

	All Any ArgMax ArgMin Bincount Bucketize DenseBincount EuclideanNorm HistogramFixedWidth Max Mean
	Min Prod Sum SegmentMax SegmentMean SegmentMin SegmentProd SegmentSum UnsortedSegmentMax
	UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum

	BatchToSpace BatchToSpaceND BroadcastArgs BroadcastTo Concat ConcatOffset ConcatV2 DepthToSpace
	Diag DiagPart DynamicPartition DynamicStitch ParallelDynamicStitch ExpandDims Fill Gather
	GatherNd GatherV2 InvertPermutation LinSpace ListDiff LowerBound MatrixBandPart MatrixDiag
	MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixSetDiag
	MatrixSetDiagV2 MatrixSetDiagV3 MirrorPad OneHot OnesLike Pack Pad PadV2 Range Rank
	Reshape Reverse ReverseSequence ReverseV2 Roll Shape ShapeN Size Slice SpaceToBatch
	SpaceToBatchND SpaceToDepth Split SplitV Squeeze StridedSlice 	Tile TopK TopKV2 InTopK InTopKV2 NthElement
	Transpose Unique UniqueV2 UniqueWithCounts UniqueWithCountsV2 Unpack
	UnravelIndex UpperBound Where ZerosLike

	BatchMatMul BatchMatMulV2 BatchMatMulV3 Cholesky Einsum LogMatrixDeterminant MatMul
	MatrixDeterminant MatrixInverse MatrixSolve MatrixTriangularSolve

	AvgPool AvgPool3D BatchNormWithGlobalNormalization BiasAdd BiasAddV1 Conv2D Conv2DBackpropInput
	Conv3D Conv3DBackpropInputV2 DepthwiseConv2dNative Dilation2D Elu FusedBatchNorm FusedBatchNormV2
	FusedBatchNormV3 L2Loss LRN LeakyRelu LogSoftmax MaxPool MaxPool3D MaxPoolV2 MaxPoolWithArgmax
	Relu Relu6 Selu Sigmoid Softmax Softplus Softsign

	FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel Dequantize
	QuantizeAndDequantize QuantizeAndDequantizeV2 QuantizeAndDequantizeV4

	AdjustContrastv2 AdjustHue AdjustSaturation CropAndResize HSVToRGB NonMaxSuppressionV3
	NonMaxSuppressionV4 RGBToHSV ResizeArea ResizeBicubic ResizeBilinear ResizeNearestNeighbor

	AsString ReduceJoin RegexFullMatch RegexReplace StaticRegexFullMatch StaticRegexReplace StringJoin
	StringLength StringLower StringNGrams StringSplit StringSplitV2 StringStrip StringToHashBucket
	StringToHashBucketFast StringToHashBucketStrong StringToNumber StringUpper Substr UnicodeDecode
	UnicodeEncode UnicodeTranscode

	SparseConcat SparseFillEmptyRows
	SparseReorder SparseReshape SparseSegmentMean SparseSegmentSqrtN SparseSegmentSum SparseSlice
	SparseSoftmax SparseTensorDenseMatMul SparseToDense

	Switch Merge Enter Exit NextIteration LoopCond ControlTrigger
	If StatelessIf Case StatelessCase While StatelessWhile PartitionedCall StatefulPartitionedCall
	TensorArrayV3 TensorArrayCloseV3 TensorArrayConcatV3 TensorArrayGatherV3 TensorArrayReadV3
	TensorArrayScatterV3 TensorArraySizeV3 TensorArraySplitV3 TensorArrayWriteV3
	EmptyTensorList TensorListConcatV2 TensorListElementShape TensorListFromTensor TensorListGather
	TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack TensorListReserve
	TensorListResize TensorListScatterV2 TensorListSetItem TensorListSplit TensorListStack
`)

// reading operations may serve too: they read variables and tables that were
// filled when the model was loaded.
var reading = set(`
	Variable VariableV2 VarHandleOp ReadVariableOp ResourceGather ResourceGatherNd VariableShape
	IsVariableInitialized VarIsInitializedOp
	HashTable HashTableV2 LookupTableFind LookupTableFindV2 LookupTableSize LookupTableSizeV2
`)

// initializing operations may run once, when a SavedModel is loaded. RestoreV2
// is only let through where it reads the checkpoint of the SavedModel itself.
var initializing = set(`
	Assign AssignVariableOp InitializeTable InitializeTableV2 LookupTableImport LookupTableImportV2
	RestoreV2
`)

// looping operations make it impossible to say how long a run takes.
var looping = set(`While StatelessWhile Enter NextIteration LoopCond`)

// holding operations have state that a checkpoint fills.
var holding = set(`Variable VariableV2 VarHandleOp`)

// known says that a name is that of an operation on one of the lists.
func known(op string) bool { return computing[op] || reading[op] || initializing[op] }

func set(names string) map[string]bool {
	m := make(map[string]bool)
	for _, name := range strings.Fields(names) {
		m[name] = true
	}
	return m
}

// Computing lists the operations that may serve without reading any state,
// sorted.
func Computing() []string { return slices.Sorted(maps.Keys(computing)) }
