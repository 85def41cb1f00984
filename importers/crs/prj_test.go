package crs_test

import (
	"os"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/importers/crs"
)

// family maps a code of a 6° zone to the code of the 3° zone with the same parameters, which a text without a code gets.
var family = map[string]string{"EPSG:4502": "EPSG:4534", "EPSG:4510": "EPSG:4550", "EPSG:4512": "EPSG:4554"}

// TestFromPRJ reads GDAL's text of 20 codes in four dialects.
func TestFromPRJ(t *testing.T) {
	b, err := os.ReadFile("testdata/wkt.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	if len(lines) != 80 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		parts := strings.SplitN(line, "\t", 3)
		want := "EPSG:" + parts[0]
		if parts[1] == "wkt_esri" && family[want] != "" {
			want = family[want]
		}
		c, err := crs.FromPRJ(parts[2])
		if err != nil || c.String() != want {
			t.Errorf("%s %s: %v, %v", parts[0], parts[1], c, err)
		}
	}
}

const (
	base2000 = `GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D_China_2000",SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]`
	params   = `PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",120.0],PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]`
	esri4549 = `PROJCS["CGCS2000_3_Degree_GK_CM_120E",` + base2000 + `,` + params + `]`
)

func TestFromPRJVariants(t *testing.T) {
	replaced := func(pairs ...string) string {
		text := strings.NewReplacer(pairs...).Replace(esri4549)
		if text == esri4549 {
			t.Fatalf("%q is not in the text", pairs[0])
		}
		return text
	}
	for name, test := range map[string]struct{ wkt, want string }{
		"ESRI":                {esri4549, "EPSG:4549"},
		"BOM and end of line": {"\ufeff" + esri4549 + "\r\n", "EPSG:4549"},
		"parentheses":         {strings.NewReplacer("[", "(", "]", ")").Replace(esri4549), "EPSG:4549"},
		"zone number":         {replaced("500000.0", "40500000.0", "CM_120E", "Zone_40"), "EPSG:4528"},
		"any name":            {replaced("CGCS2000_3_Degree_GK_CM_120E", "我的坐标系"), "EPSG:4549"},
		"Transverse_Mercator": {replaced("Gauss_Kruger", "Transverse_Mercator"), "EPSG:4549"},
		"unnamed datum":       {replaced("D_China_2000", "unknown"), "EPSG:4549"},
		"own meridian":        {replaced("120.0", "121.4666666667"), "+proj=tmerc +lat_0=0 +lon_0=121.4666666667 +k=1 +x_0=500000 +y_0=0 +ellps=GRS80"},
		"own false origin":    {replaced("500000.0", "0.0"), "+proj=tmerc +lat_0=0 +lon_0=120 +k=1 +x_0=0 +y_0=0 +ellps=GRS80"},
		"with heights":        {`COMPD_CS["x",` + esri4549 + `,VERT_CS["h",VERT_DATUM["Yellow Sea 1985",2005],UNIT["metre",1]]]`, "EPSG:4549"},
		"zero shift":          {replaced("298.257222101]]", "298.257222101],TOWGS84[0,0,0,0,0,0,0]]"), "EPSG:4549"},
	} {
		c, err := crs.FromPRJ(test.wkt)
		if err != nil || c.String() != test.want {
			t.Errorf("%s: %v, %v; want %s", name, c, err, test.want)
		}
	}
	for name, test := range map[string]struct{ wkt, want string }{
		"empty":             {"", "not well-known text"},
		"text":              {"hello world", "not well-known text"},
		"cut":               {esri4549[:200], "not well-known text"},
		"tail":              {esri4549 + "]", "not well-known text"},
		"long":              {strings.Repeat("A", 70_000), "no .prj"},
		"deep":              {strings.Repeat("A[", 1000), "not well-known text"},
		"local":             {`LOCAL_CS["上海城市坐标系",UNIT["metre",1]]`, "local survey office"},
		"Xian 1980":         {replaced("D_China_2000", "D_Xian_1980", "6378137.0,298.257222101", "6378140.0,298.257"), "D_Xian_1980"},
		"Beijing 1954 code": {`GEOGCS["Beijing 1954",DATUM["Beijing_1954",SPHEROID["Krassowsky 1940",6378245,298.3]],AUTHORITY["EPSG","4214"]]`, "Beijing 1954 needs"},
		"shift":             {replaced("298.257222101]]", "298.257222101],TOWGS84[1,0,0,0,0,0,0]]"), "TOWGS84"},
		"contradiction":     {esri4549[:len(esri4549)-1] + `,AUTHORITY["EPSG","4550"]]`, "contradicts itself"},
		"datum contradicts": {base2000[:len(base2000)-1] + `,AUTHORITY["EPSG","4326"]]`, "contradicts itself"},
		"unknown code":      {esri4549[:len(esri4549)-1] + `,AUTHORITY["EPSG","27700"]]`, "EPSG:27700"},
		"wrong ellipsoid":   {replaced("298.257222101", "298.3"), "not those of its datum"},
		"feet":              {replaced(`UNIT["Meter",1.0]`, `UNIT["Foot",0.3048]`), "only degrees and metres"},
		"grad":              {replaced(`UNIT["Degree",0.0174532925199433]`, `UNIT["Grad",0.01570796326794897]`), "only degrees and metres"},
		"unit without size": {replaced(`UNIT["Meter",1.0]`, `UNIT["Meter"]`), "only degrees and metres"},
		"Paris":             {replaced(`PRIMEM["Greenwich",0.0]`, `PRIMEM["Paris",2.33722917]`), "Greenwich"},
		"no meridian":       {replaced(`PARAMETER["Central_Meridian",120.0],`, ""), "central meridian"},
		"odd scale":         {replaced(`"Scale_Factor",1.0`, `"Scale_Factor",0`), "scale"},
		"odd parameter":     {replaced("False_Easting", "Azimuth"), `"Azimuth"`},
		"origin":            {replaced(`"Latitude_Of_Origin",0.0`, `"Latitude_Of_Origin",31.0`), "latitude 31"},
		"other method":      {replaced("Gauss_Kruger", "Albers"), `"Albers"`},
		"no datum":          {`GEOGCS["x"]`, "no datum"},
	} {
		c, err := crs.FromPRJ(test.wkt)
		if grids.KindOf(err) != grids.Invalid && grids.KindOf(err) != grids.TooLarge || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, %v; want %q", name, c, err, test.want)
		}
	}
}

// TestOwnMeridian: a projection without a code transforms like any other.
func TestOwnMeridian(t *testing.T) {
	c, err := crs.FromPRJ(strings.Replace(esri4549, "120.0", "121.5", 1))
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.FromWGS84(orb.Point{121.5, 31.62})
	if err != nil || distance(p, orb.Point{500_000, 3499845}) > 1000 || p[0] != 500_000 {
		t.Errorf("%v, %v", p, err)
	}
	if back, err := c.ToWGS84(p); err != nil || distance(back, orb.Point{121.5, 31.62}) > 1e-12 {
		t.Errorf("%v, %v", back, err)
	}
}

func FuzzFromPRJ(f *testing.F) {
	f.Add(esri4549)
	f.Add(base2000)
	f.Add(`PROJCRS["x",BASEGEOGCRS["y",DATUM["China 2000",ELLIPSOID["CGCS2000",6378137,298.257222101]]],CONVERSION["z",METHOD["Transverse Mercator"],PARAMETER["Longitude of natural origin",1e300]],ID["EPSG",4549]]`)
	f.Add(`GEOGCS["a""b",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],UNIT["degree",0.0174532925199433]]`)
	f.Fuzz(func(t *testing.T, wkt string) {
		c, err := crs.FromPRJ(wkt)
		if err != nil {
			if k := grids.KindOf(err); k != grids.Invalid && k != grids.TooLarge {
				t.Fatalf("%v: %v", k, err)
			}
			return
		}
		if p, err := c.FromWGS84(orb.Point{121.5, 31.62}); err == nil {
			if back, err := c.ToWGS84(p); err != nil || distance(back, orb.Point{121.5, 31.62}) > 1e-9 {
				t.Fatalf("%s: %v, %v", c, back, err)
			}
		}
	})
}
