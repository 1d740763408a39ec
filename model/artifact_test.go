package model_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
)

func TestArtifact(t *testing.T) {
	a := model.NewArtifact([]byte("hello"))
	const digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	if a.SHA256 != digest || string(a.Bytes) != "hello" {
		t.Errorf("NewArtifact: %+v", a)
	}
	for _, want := range []string{"", digest, strings.ToUpper(digest)} {
		if err := a.Check(want); err != nil {
			t.Errorf("%q: %v", want, err)
		}
	}
	for want, says := range map[string]string{
		model.NewArtifact([]byte("other")).SHA256: "changed or cut",
		digest[:63]:               "no SHA-256",
		digest[:62]:               "no SHA-256",
		digest + "00":             "no SHA-256",
		strings.Repeat("x", 1000): "no SHA-256",
	} {
		err := a.Check(want)
		var e *model.LoadError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), says) || len(err.Error()) > 300 {
			t.Errorf("%.80q: error %v", want, err)
		}
	}
}
