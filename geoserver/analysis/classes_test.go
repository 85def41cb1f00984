package analysis

import (
	"testing"

	"wangge/styles/vision"
)

// colour is the colour of a class in a theme; ok is false for one that has a pattern alone, or nothing.
func (c Class) colour(theme string) (hex string, ok bool) {
	hex = c.Light
	if theme == "dark" {
		hex = c.Dark
	}
	return hex, len(hex) == len("#rrggbb")
}

// Any two classes of a method can lie side by side on the map. What the eye tells apart by a pattern needs less of the colour, but some.
func TestClassesOfAMapStayApartForEveryEye(t *testing.T) {
	least := map[string]float64{"hotspots": 13, "lisa": 13, "clusters": 13, "emerging": 9}
	const patterned, onGround = 6, 10
	for _, m := range methods() {
		for theme, ground := range map[string]string{"light": "#f6f5f1", "dark": "#1a1e22"} {
			for i, id := range m.Classes {
				a, _ := findClass(id)
				p, ok := a.colour(theme)
				if !ok {
					continue
				}
				if d := vision.Worst(p, ground, vision.Coloured); d < onGround {
					t.Errorf("%s, %s: %s differs from the ground by %.1f only", m.ID, theme, id, d)
				}
				for _, other := range m.Classes[:i] {
					b, _ := findClass(other)
					q, ok := b.colour(theme)
					want, eyes := least[m.ID], vision.Coloured
					if a.Pattern != b.Pattern {
						want, eyes = patterned, []string{"normal"}
					}
					if want == 0 {
						t.Fatalf("%s has classes, and no least difference is stated for it", m.ID)
					}
					if d := vision.Worst(p, q, eyes); ok && d < want {
						t.Errorf("%s, %s: %s and %s differ by %.1f only, not %v", m.ID, theme, other, id, d, want)
					}
				}
			}
		}
	}
}
