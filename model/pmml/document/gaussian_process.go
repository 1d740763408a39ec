package document

// GaussianProcessModel is a Gaussian process regression with zero mean (DMG
// 4.4, Gaussian Process). Exactly one of the kernels is set.
type GaussianProcessModel struct {
	ModelBase
	_ Skip `pmml:"optimizer"`

	RadialBasis *CovarianceKernel `pmml:"RadialBasisKernel"`
	ARD         *CovarianceKernel `pmml:"ARDSquaredExponentialKernel"`
	Absolute    *CovarianceKernel `pmml:"AbsoluteExponentialKernel"`
	Generalized *CovarianceKernel `pmml:"GeneralizedExponentialKernel"`

	Instances *TrainingInstances `pmml:"TrainingInstances,required"`
}

// CovarianceKernel is a covariance function; each kind reads what it needs.
type CovarianceKernel struct {
	Pos
	_             Skip      `pmml:"description"`
	Gamma         float64   `pmml:"gamma,default=1"`
	NoiseVariance float64   `pmml:"noiseVariance,default=1"`
	Lambda        float64   `pmml:"lambda,default=1"`
	Degree        float64   `pmml:"degree,default=1"`
	Lambdas       []*Lambda `pmml:"Lambda"`
}

// Lambda is the length scales of the fields.
type Lambda struct {
	Pos
	Array *Array `pmml:"Array,required"`
}

func (m *GaussianProcessModel) finish() error {
	n := 0
	for _, k := range []*CovarianceKernel{m.RadialBasis, m.ARD, m.Absolute, m.Generalized} {
		if k != nil {
			n++
		}
	}
	if n != 1 {
		return refuse(m.Where(), "one kernel is wanted inside, %d are there", n)
	}
	return nil
}
