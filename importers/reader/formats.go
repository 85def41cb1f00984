package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
)

// format is a vector format that GDAL may read: another one is another line.
type format struct {
	ext    string            // of the data file, in a zip and for GDAL
	driver string            // the only one GDAL may use
	is     func([]byte) bool // recognises the first bytes of a bare file; nil for formats that come zipped
	merge  bool              // its layers are folders of one data set
	ignore []string          // columns that only say how to draw
}

// formats lists them. Everything else is refused, and GDAL forgets all other drivers.
func formats() []format {
	return []format{
		{ext: ".shp", driver: "ESRI Shapefile"},
		{ext: ".gpkg", driver: "GPKG", is: isGeoPackage},
		{ext: ".kml", driver: "LIBKML", is: isKML, merge: true,
			ignore: []string{"altitudeMode", "tessellate", "extrude", "visibility", "drawOrder", "icon", "snippet"}},
	}
}

func isZip(head []byte) bool {
	return bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06"))
}

// isLoose recognises a .shp or .shx (ESRI 1998, file code 9994), or a .dbf, without the zip that holds the others.
func isLoose(head []byte) bool {
	if bytes.HasPrefix(head, []byte{0, 0, 0x27, 0x0a}) {
		return true
	}
	return len(head) > 32 && (head[0] == 0x03 || head[0] == 0x83) && head[2] >= 1 && head[2] <= 12 && head[3] >= 1 && head[3] <= 31
}

// isGeoPackage goes by the SQLite header and leaves the rest to the driver.
func isGeoPackage(head []byte) bool { return bytes.HasPrefix(head, []byte("SQLite format 3\x00")) }

// isKML looks at the root element: a file may call itself anything.
func isKML(head []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	d.Strict = false
	for {
		token, err := d.RawToken()
		if err != nil {
			return false
		}
		if start, ok := token.(xml.StartElement); ok {
			return strings.EqualFold(start.Name.Local, "kml")
		}
	}
}
