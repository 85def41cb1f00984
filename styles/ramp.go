package styles

import (
	"fmt"
	"math"

	"wangge/styles/vision"
)

// Two ramps of six classes, chosen so that neighbouring classes stay apart for every eye: the least CIEDE2000
// difference over normal, protanope, deuteranope, tritanope and grey vision is 11 or more.
var (
	lightRamp = [...]string{"#fff7d2", "#f2b758", "#d0814a", "#8e6658", "#5f4045", "#311c29"}
	darkRamp  = [...]string{"#3e0044", "#3b3e7b", "#006bd3", "#00a6ba", "#b5c3b9", "#fff0e2"}
)

// Ramp is n colours from least to most for a theme: the six base colours when n is 6, otherwise n steps along the
// line through them in Oklab (Ottosson 2020), where equal steps look equal. n below 1 gives none; one class gets
// the colour in the middle.
func Ramp(t Theme, n int) []string {
	base := lightRamp
	if t == Dark {
		base = darkRamp
	}
	if n == len(base) {
		return base[:]
	}
	out := make([]string, 0, max(n, 0))
	for i := range n {
		at := 0.5
		if n > 1 {
			at = float64(i) / float64(n-1)
		}
		at *= float64(len(base) - 1)
		lo := min(int(at), len(base)-2)
		out = append(out, mix(base[lo], base[lo+1], at-float64(lo)))
	}
	return out
}

// mix is the colour a share f of the way from a to b in Oklab.
func mix(a, b string, f float64) string {
	p, q := toOklab(a), toOklab(b)
	for i := range p {
		p[i] += (q[i] - p[i]) * f
	}
	return fromOklab(p)
}

// encode is the sRGB value 0…255 of a linear-light component, clipped to the gamut.
func encode(c float64) int {
	c = min(max(c, 0), 1)
	if c <= 0.0031308 {
		c *= 12.92
	} else {
		c = 1.055*math.Pow(c, 1/2.4) - 0.055
	}
	return int(math.Round(c * 255))
}

// toOklab is a colour in Oklab, by the matrices of Ottosson, "A perceptual color space for image processing" (2020).
func toOklab(hex string) [3]float64 {
	c := vision.Linear(hex)
	l := math.Cbrt(0.4122214708*c[0] + 0.5363325363*c[1] + 0.0514459929*c[2])
	m := math.Cbrt(0.2119034982*c[0] + 0.6806995451*c[1] + 0.1073969566*c[2])
	s := math.Cbrt(0.0883024619*c[0] + 0.2817188376*c[1] + 0.6299787005*c[2])
	return [3]float64{
		0.2104542553*l + 0.7936177850*m - 0.0040720468*s,
		1.9779984951*l - 2.4285922050*m + 0.4505937099*s,
		0.0259040371*l + 0.7827717662*m - 0.8086757660*s,
	}
}

// fromOklab is the inverse of toOklab, clipped to sRGB.
func fromOklab(lab [3]float64) string {
	cube := func(x float64) float64 { return x * x * x }
	l := cube(lab[0] + 0.3963377774*lab[1] + 0.2158037573*lab[2])
	m := cube(lab[0] - 0.1055613458*lab[1] - 0.0638541728*lab[2])
	s := cube(lab[0] - 0.0894841775*lab[1] - 1.2914855480*lab[2])
	return fmt.Sprintf("#%02x%02x%02x",
		encode(4.0767416621*l-3.3077115913*m+0.2309699292*s),
		encode(-1.2684380046*l+2.6097574011*m-0.3413193965*s),
		encode(-0.0041960863*l-0.7034186147*m+1.7076147010*s))
}
