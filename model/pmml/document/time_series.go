package document

// TimeSeriesModel forecasts a series (DMG 4.4, Time Series Models).
type TimeSeriesModel struct {
	ModelBase
	BestFit    string                `pmml:"bestFit,required,enum=ExponentialSmoothing|StateSpaceModel|ARIMA"`
	Series     []*TimeSeries         `pmml:"TimeSeries"`
	Smoothing  *ExponentialSmoothing `pmml:"ExponentialSmoothing"`
	StateSpace *StateSpaceModel      `pmml:"StateSpaceModel"`
	ARIMA      *ARIMA                `pmml:"ARIMA"`
}

// TimeSeries is values that the model was made from, or made.
type TimeSeries struct {
	Pos
	Usage  string      `pmml:"usage,enum=original|logical|prediction,default=original"`
	Field  string      `pmml:"field"`
	_      Skip        `pmml:"startTime"`
	_      Skip        `pmml:"endTime"`
	_      Skip        `pmml:"interpolationMethod"`
	_      Skip        `pmml:"TimeAnchor"`
	_      Skip        `pmml:"TimeException"`
	Values []TimeValue `pmml:"TimeValue"`
}

// TimeValue is one value of a series; without an index it follows the one
// before.
type TimeValue struct {
	Pos
	Index Opt[int]     `pmml:"index"`
	Value Opt[float64] `pmml:"value"`
	_     Skip         `pmml:"time"`
	_     Skip         `pmml:"standardError"`
	_     Skip         `pmml:"Timestamp"`
}

// ExponentialSmoothing is a level with a trend and a season.
type ExponentialSmoothing struct {
	Pos
	_              Skip        `pmml:"@RMSE"`
	Transformation string      `pmml:"transformation,enum=none|logarithmic|squareroot,default=none"`
	Level          *Level      `pmml:"Level,required"`
	Trend          *ExpoTrend  `pmml:"Trend_ExpoSmooth,alias=Trend"` // the alias: PMML 4.0
	Season         *ExpoSeason `pmml:"Seasonality_ExpoSmooth"`
	_              Skip        `pmml:"TimeValue"`
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

// ExpoSeason is the smoothed factors of a season.
type ExpoSeason struct {
	Pos
	Type   string   `pmml:"type,required,enum=additive|multiplicative"`
	Period int      `pmml:"period,required"`
	Phase  Opt[int] `pmml:"phase"`
	_      Skip     `pmml:"unit"`
	_      Skip     `pmml:"delta"`
	Array  *Array   `pmml:"Array,required"`
}

// StateSpaceModel is a linear state space model: the state becomes
// F × state + c, the series are H × state + d.
type StateSpaceModel struct {
	Pos
	Variance     Opt[float64]     `pmml:"variance"`
	Period       string           `pmml:"period,enum=none,default=none"`
	Intercept    float64          `pmml:"intercept,default=0"`
	State        *StateVector     `pmml:"StateVector,required"`
	Transition   *StateMatrix     `pmml:"TransitionMatrix,required"`
	Measurement  *StateMatrix     `pmml:"MeasurementMatrix,required"`
	Intercepts   *InterceptVector `pmml:"InterceptVector"`
	Covariance   *StateMatrix     `pmml:"PredictedStateCovarianceMatrix"`
	Disturbance  *StateMatrix     `pmml:"SelectedStateCovarianceMatrix"`
	Observations *StateMatrix     `pmml:"ObservationVarianceMatrix"`
	_            Skip             `pmml:"PsiVector"` // another way to the variance of a forecast
}

// StateVector is a vector.
type StateVector struct {
	Pos
	Array *Array `pmml:"Array,required"`
}

// InterceptVector is what is added to the state at each step, or to what is
// observed of it.
type InterceptVector struct {
	Pos
	Type  string `pmml:"type,enum=state|observation,default=state"`
	Array *Array `pmml:"Array,required"`
}

// StateMatrix is a matrix.
type StateMatrix struct {
	Pos
	Matrix *Matrix `pmml:"Matrix,required"`
}

// ARIMA is an autoregressive integrated moving average, with a season or
// without.
type ARIMA struct {
	Pos
	RMSE             Opt[float64]          `pmml:"@RMSE"`
	Transformation   string                `pmml:"transformation,enum=none|logarithmic|squareroot,default=none"`
	ConstantTerm     float64               `pmml:"constantTerm,default=0"`
	PredictionMethod string                `pmml:"predictionMethod,enum=conditionalLeastSquares,default=conditionalLeastSquares"`
	Nonseasonal      *NonseasonalComponent `pmml:"NonseasonalComponent"`
	Seasonal         *SeasonalComponent    `pmml:"SeasonalComponent"`
}

// NonseasonalComponent is the part of lags 1, 2, …
type NonseasonalComponent struct {
	Pos
	P  int            `pmml:"p,default=0"`
	D  int            `pmml:"d,default=0"`
	Q  int            `pmml:"q,default=0"`
	AR *StateVector   `pmml:"AR"`
	MA *MovingAverage `pmml:"MA"`
}

// SeasonalComponent is the part of lags of whole periods.
type SeasonalComponent struct {
	Pos
	P      int            `pmml:"@P,default=0"`
	D      int            `pmml:"@D,default=0"`
	Q      int            `pmml:"@Q,default=0"`
	Period int            `pmml:"period,required"`
	AR     *StateVector   `pmml:"AR"`
	MA     *MovingAverage `pmml:"MA"`
}

// MovingAverage is the coefficients of past residuals, and these, the oldest
// first.
type MovingAverage struct {
	Pos
	Coefficients *StateVector `pmml:"MACoefficients"`
	Residuals    *StateVector `pmml:"Residuals"`
}
