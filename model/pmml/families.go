package pmml

import "github.com/modelstream/modelserver/model/pmml/document"

// family is a kind of model: its element, its typed document and how it is
// compiled. A new family is a file in package document with the struct, a file
// here with compile and evaluator, and a line in families.
type family struct {
	element  string
	document func() document.Model
	compile  func(mc *modelCompiler, m document.Model) evaluator
}

// families lists every model that is supported.
func families() []family {
	return []family{
		of("TreeModel", compileTree),
		of("MiningModel", compileMining),
		of("RegressionModel", compileRegression),
		of("GeneralRegressionModel", compileGeneralRegression),
		of("NeuralNetwork", compileNeuralNetwork),
		of("ClusteringModel", compileClustering),
		of("SupportVectorMachineModel", compileSupportVectorMachine),
		of("NaiveBayesModel", compileNaiveBayes),
		of("RuleSetModel", compileRuleSet),
		of("Scorecard", compileScorecard),
		of("NearestNeighborModel", compileNearestNeighbors),
		of("AssociationModel", compileAssociation),
		of("AnomalyDetectionModel", compileAnomalyDetection),
		of("TimeSeriesModel", compileTimeSeries),
		of("GaussianProcessModel", compileGaussianProcess),
		of("BayesianNetworkModel", compileBayesianNetwork),
		of("BaselineModel", compileBaseline),
		of("TextModel", compileText),
	}
}

// of makes a family from a document type and a compile function for it.
func of[T any, P interface {
	*T
	document.Model
}](element string, compile func(mc *modelCompiler, m P) evaluator) family {
	return family{
		element:  element,
		document: func() document.Model { return P(new(T)) },
		compile:  func(mc *modelCompiler, m document.Model) evaluator { return compile(mc, m.(P)) },
	}
}
