package document

// TimeSeriesModel forecasts a series (DMG 4.4, Time Series Models). Of the
// algorithms, exponential smoothing without a season and state spaces without
// regressors are supported.
type TimeSeriesModel struct {
	ModelBase
	BestFit    string                `pmml:"bestFit,required,enum=ExponentialSmoothing|StateSpaceModel"`
	_          Skip                  `pmml:"TimeSeries"` // what the model was made from
	Smoothing  *ExponentialSmoothing `pmml:"ExponentialSmoothing"`
	StateSpace *StateSpaceModel      `pmml:"StateSpaceModel"`
}

// ExponentialSmoothing is a level with a trend.
type ExponentialSmoothing struct {
	Pos
	_              Skip       `pmml:"@RMSE"`
	Transformation string     `pmml:"transformation,enum=none|logarithmic|squareroot,default=none"`
	Level          *Level     `pmml:"Level,required"`
	Trend          *ExpoTrend `pmml:"Trend_ExpoSmooth"`
	_              Skip       `pmml:"TimeValue"`
}

// Level is the smoothed level at the end of the series.
type Level struct {
	Pos
	_             Skip    `pmml:"alpha"`
	SmoothedValue float64 `pmml:"smoothedValue,required"`
}

// ExpoTrend is the smoothed trend at the end of the series.
type ExpoTrend struct {
	Pos
	Trend         string  `pmml:"trend,enum=additive|damped_additive|multiplicative|damped_multiplicative,default=additive"`
	_             Skip    `pmml:"gamma"`
	Phi           float64 `pmml:"phi,default=1"`
	SmoothedValue float64 `pmml:"smoothedValue,required"`
}

// StateSpaceModel is a linear state space model: the state becomes F × state,
// the series is H × state + intercept.
type StateSpaceModel struct {
	Pos
	_           Skip         `pmml:"variance"`
	Period      string       `pmml:"period,enum=none,default=none"`
	Intercept   float64      `pmml:"intercept,default=0"`
	State       *StateVector `pmml:"StateVector,required"`
	Transition  *StateMatrix `pmml:"TransitionMatrix,required"`
	Measurement *StateMatrix `pmml:"MeasurementMatrix,required"`
	Intercepts  *StateVector `pmml:"InterceptVector"`
	_           Skip         `pmml:"PredictedStateCovarianceMatrix"` // of the error of a forecast
	_           Skip         `pmml:"SelectedStateCovarianceMatrix"`
	_           Skip         `pmml:"ObservationVarianceMatrix"`
	_           Skip         `pmml:"PsiVector"`
}

// StateVector is a vector.
type StateVector struct {
	Pos
	Array *Array `pmml:"Array,required"`
}

// StateMatrix is a matrix.
type StateMatrix struct {
	Pos
	Matrix *Matrix `pmml:"Matrix,required"`
}
