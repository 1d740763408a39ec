package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

func TestNoHiddenState(t *testing.T) {
	byDir := make(map[string][]*file)
	for _, f := range sources(t) {
		if !f.test && !f.generated {
			byDir[f.dir] = append(byDir[f.dir], f)
		}
	}
	used := make(map[string]bool)
	for dir, files := range byDir {
		for _, s := range hiddenState(files) {
			key := dir + "." + s.name
			used[key] = true
			if globals[key] == "" {
				t.Errorf("%s: %s %s: let a value own it, or give the reason in rules_test.go", s.at, s.name, s.what)
			}
		}
	}
	for key := range globals {
		if !used[key] {
			t.Errorf("rules_test.go excuses %s, which is not there", key)
		}
	}
}

// state is something at package level that can change.
type state struct{ name, what, at string }

// hiddenState finds, in the files of one package, functions that run by
// themselves and variables that are changed or made to be.
func hiddenState(files []*file) []state {
	var found []state
	specs := make(map[string]*ast.ValueSpec)
	for _, f := range files {
		for _, d := range f.syntax.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					found = append(found, state{"init", "runs by itself", f.at(d.Pos())})
				}
			case *ast.GenDecl:
				if d.Tok != token.VAR {
					continue
				}
				for _, s := range d.Specs {
					s := s.(*ast.ValueSpec)
					for _, name := range s.Names {
						specs[name.Name] = s
					}
					if what := madeToChange(s); what != "" && s.Names[0].Name != "_" {
						found = append(found, state{s.Names[0].Name, what, f.at(s.Pos())})
					}
				}
			}
		}
	}
	delete(specs, "_")
	for _, f := range files {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			for _, target := range changed(n) {
				if id := root(target); id != nil && specs[id.Name] != nil && isGlobal(id, specs[id.Name]) {
					found = append(found, state{id.Name, "is changed", f.at(id.Pos())})
				}
			}
			return true
		})
	}
	slices.SortFunc(found, func(a, b state) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(found, func(a, b state) bool { return a.name == b.name })
}

// madeToChange recognizes locks, atomics and channels. A pool of scratch memory
// holds nothing that anybody could notice, and a value computed once is constant.
func madeToChange(s *ast.ValueSpec) string {
	what := ""
	ast.Inspect(s, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ChanType:
			what = "is a channel"
		case *ast.SelectorExpr:
			harmless := n.Sel.Name == "Pool" || strings.HasPrefix(n.Sel.Name, "OnceValue")
			if x, ok := n.X.(*ast.Ident); ok && (x.Name == "sync" || x.Name == "atomic") && !harmless {
				what = "is a " + x.Name + "." + n.Sel.Name
			}
		}
		return true
	})
	return what
}

// changed returns what a statement assigns to, or a call deletes from.
func changed(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.CallExpr:
		if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear") && len(n.Args) > 0 {
			return n.Args[:1]
		}
	}
	return nil
}

// root is x of x, x.f, x[i], *x and (x).
func root(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return root(e.X)
	case *ast.IndexExpr:
		return root(e.X)
	case *ast.StarExpr:
		return root(e.X)
	case *ast.ParenExpr:
		return root(e.X)
	}
	return nil
}

// isGlobal tells a package's variable from a local one of the same name. The
// parser resolves names within a file; one that it cannot resolve is declared in
// another file of the package, at its top level.
func isGlobal(id *ast.Ident, spec *ast.ValueSpec) bool {
	return id.Obj == nil || id.Obj.Decl == spec
}

func TestHiddenState(t *testing.T) {
	for name, tt := range map[string]struct{ code, want string }{
		"constant table": {"var t = map[string]int{}; func f() int { return t[``] }", ""},
		"sentinel":       {"var ErrX = errors.New(`x`)", ""},
		"pattern":        {"var re = regexp.MustCompile(`x`)", ""},
		"assertion":      {"var _ sync.Locker = new(T)", ""},
		"once value":     {"var v = sync.OnceValue(f)", ""},
		"pool":           {"var p sync.Pool", ""},
		"blank":          {"var _ = 1; func f() { _ = 2 }", ""},
		"local":          {"var n int; func f() { n := 1; n++ }", ""},
		"init":           {"func init() {}", "init"},
		"method init":    {"func (t T) init() {}", ""},
		"counter":        {"var n int; func f() { n++ }", "n"},
		"map":            {"var m = map[string]int{}; func f() { m[``] = 1 }", "m"},
		"field":          {"var v T; func f() { v.x.y = 1 }", "v"},
		"delete":         {"var m map[string]int; func f() { delete(m, ``) }", "m"},
		"lock":           {"var mu sync.Mutex", "mu"},
		"channel":        {"var c = make(chan int)", "c"},
		"atomic":         {"var a atomic.Int64", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			fset := token.NewFileSet()
			syntax, err := parser.ParseFile(fset, "x.go", "package p; "+tt.code, 0)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, s := range hiddenState([]*file{{dir: "p", name: "x.go", syntax: syntax, fset: fset}}) {
				got += s.name
			}
			if got != tt.want {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}
