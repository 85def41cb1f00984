package tiles

import (
	"net/url"
	"reflect"
	"strings"
	"testing"

	"wangge/grids"
)

// month is a month of a test.
func month(t testing.TB, s string) grids.Month {
	t.Helper()
	m, err := grids.ParseMonth(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestParseFilter(t *testing.T) {
	march, may := month(t, "2025-03"), month(t, "2025-05")
	everyKind := "kind=other,tipoff,premises,possession,cultivation,manufacture,trafficking"
	for _, c := range []struct {
		query string
		want  Filter
		err   string
	}{
		{"", Filter{}, ""},
		{"from=&to=&kind=", Filter{}, ""},
		{"lon=121&v=7&level=grids&format=x", Filter{}, ""},
		{"from=2025-03&to=2025-05", Filter{Period: grids.Period{From: march, To: may}}, ""},
		{"from=2025-03", Filter{Period: grids.Period{From: march}}, ""},
		{"to=2025-03", Filter{Period: grids.Period{To: march}}, ""},
		{"from=2025-03&to=2025-03&kind=tipoff,trafficking,tipoff", Filter{Period: grids.Period{From: march, To: march}, Kinds: []grids.CaseKind{grids.Trafficking, grids.TipOff}}, ""},
		{everyKind, Filter{}, ""},
		{"from=2025-05&to=2025-03", Filter{}, "runs backwards: from 2025-05 is after to 2025-03"},
		{"from=2025-13", Filter{}, `"from": "2025-13" is not a calendar month`},
		{"to=2025-03-01", Filter{}, "is not a calendar month"},
		{"from=2025-03&from=2025-04", Filter{}, "given 2 times"},
		{"From=2025-03", Filter{}, `called "from", not "From"`},
		{"kinds=tipoff", Filter{}, `called "kind", not "kinds"`},
		{"kind=poppies", Filter{}, `kind "poppies" is not known; use some of trafficking,`},
		{"kind=tipoff,", Filter{}, `kind "" is not known`},
		{"kind=" + strings.Repeat("tipoff,", 1000), Filter{}, "has 7000 characters; give at most 200"},
	} {
		q, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseFilter(q)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || grids.KindOf(err) != grids.Invalid {
				t.Errorf("%s: %v, want %q", c.query, err, c.err)
			}
		} else if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", c.query, got, err, c.want)
		}
	}
}

// A filter that is accepted says in its own words what it is, and is read back as itself.
func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{"", "from=2025-03&to=2025-05&kind=tipoff", "from=2025-3", "kind=%00", "kind=" + strings.Repeat("\xa3", 70), "kind=tipoff,tipoff", "to=9999-12", "FROM=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := url.ParseQuery(s)
		if err != nil {
			return
		}
		got, err := ParseFilter(q)
		if err != nil {
			if grids.KindOf(err) != grids.Invalid || len(err.Error()) > 400 {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		again, err := ParseFilter(got.Values())
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Fatalf("%q: %+v is read back as %+v, %v", s, got, again, err)
		}
	})
}

func TestHeatResolution(t *testing.T) {
	want := []int{6, 6, 6, 6, 6, 6, 6, 6, 7, 7, 8, 8, 8, 8, 8, 8, 8}
	for z, res := range want {
		if got := HeatResolution(z); got != res {
			t.Errorf("zoom %d: resolution %d, want %d", z, got, res)
		}
	}
}
