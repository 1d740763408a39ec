package document

// AssociationModel is association rules (DMG 4.4, Association Rules).
type AssociationModel struct {
	ModelBase
	_        Skip               `pmml:"numberOfTransactions"`
	_        Skip               `pmml:"maxNumberOfItemsPerTA"`
	_        Skip               `pmml:"avgNumberOfItemsPerTA"`
	_        Skip               `pmml:"minimumSupport"`
	_        Skip               `pmml:"minimumConfidence"`
	_        Skip               `pmml:"lengthLimit"`
	_        Skip               `pmml:"numberOfItems"`
	_        Skip               `pmml:"numberOfItemsets"`
	_        Skip               `pmml:"numberOfRules"`
	Items    []*Item            `pmml:"Item"`
	Itemsets []*Itemset         `pmml:"Itemset"`
	Rules    []*AssociationRule `pmml:"AssociationRule"`
}

// Item is something that a transaction may contain.
type Item struct {
	Pos
	ID       string      `pmml:"id,required"`
	Value    string      `pmml:"value,required"`
	Field    string      `pmml:"field"`
	Category Opt[string] `pmml:"category"`
	_        Skip        `pmml:"mappedValue"`
	_        Skip        `pmml:"weight"`
}

// Itemset is a set of items.
type Itemset struct {
	Pos
	ID    string    `pmml:"id,required"`
	_     Skip      `pmml:"support"`
	_     Skip      `pmml:"numberOfItems"`
	Items []ItemRef `pmml:"ItemRef"`
}

// ItemRef names an item.
type ItemRef struct {
	Pos
	Item string `pmml:"itemRef,required"`
}

// AssociationRule says that who has the antecedent has the consequent, too.
type AssociationRule struct {
	Pos
	ID         Opt[string]  `pmml:"id"`
	Antecedent string       `pmml:"antecedent,required"`
	Consequent string       `pmml:"consequent,required"`
	Support    float64      `pmml:"support,required"`
	Confidence float64      `pmml:"confidence,required"`
	Lift       Opt[float64] `pmml:"lift"`
	Leverage   Opt[float64] `pmml:"leverage"`
	Affinity   Opt[float64] `pmml:"affinity"`
}
