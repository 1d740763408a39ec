package document

// TextModel finds the documents of a corpus that are most like a text (DMG 4.4,
// Text Models).
type TextModel struct {
	ModelBase
	NumberOfTerms     int                     `pmml:"numberOfTerms,required"`
	NumberOfDocuments int                     `pmml:"numberOfDocuments,required"`
	Dictionary        *TextDictionary         `pmml:"TextDictionary,required"`
	Corpus            *TextCorpus             `pmml:"TextCorpus,required"`
	Counts            *TermMatrix             `pmml:"DocumentTermMatrix,required"`
	Normalization     *TextModelNormalization `pmml:"TextModelNormalization"`
	Similarity        *TextModelSimilarity    `pmml:"TextModelSimiliarity,required"` // the standard spells it so
}

// TextDictionary lists the terms. Taxonomies of terms are not supported.
type TextDictionary struct {
	Pos
	Terms *Array `pmml:"Array,required"`
}

// TextCorpus lists the documents.
type TextCorpus struct {
	Pos
	Documents []TextDocument `pmml:"TextDocument,required"`
}

// TextDocument is a document of the corpus.
type TextDocument struct {
	Pos
	ID   string      `pmml:"id,required"`
	Name Opt[string] `pmml:"name"`
	_    Skip        `pmml:"length"`
	_    Skip        `pmml:"file"`
}

// TermMatrix is how often each term is in each document: a row for a
// document, a column for a term.
type TermMatrix struct {
	Pos
	Matrix *Matrix `pmml:"Matrix,required"`
}

// TextModelNormalization turns counts into weights.
type TextModelNormalization struct {
	Pos
	Local    string `pmml:"localTermWeights,enum=termFrequency|binary|logarithmic|augmentedNormalizedTermFrequency,default=termFrequency"`
	Global   string `pmml:"globalTermWeights,enum=inverseDocumentFrequency|none|GFIDF|normal|probabilisticInverse,default=inverseDocumentFrequency"`
	Document string `pmml:"documentNormalization,enum=none|cosine,default=none"`
}

// TextModelSimilarity is how documents are compared.
type TextModelSimilarity struct {
	Pos
	Type string `pmml:"similarityType,required,enum=euclidean|cosine"`
}
