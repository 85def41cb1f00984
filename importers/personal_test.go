package importers

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// Numbers made up for the tests: the identity numbers have valid check digits and belong to nobody we know.
const (
	madeUpIdentity = "11010519491231002X" // the example of GB 11643
	madeUpMobile   = "13800138000"
)

func TestPersonalColumn(t *testing.T) {
	for _, name := range []string{
		"姓名", "当事人姓名", "身份证号", "证件号码", "联系电话", "手机", "手机号码", "出生日期", "家庭住址", "车牌号", "嫌疑人", "照片", "未成年人数", "病历", "性别", "年龄",
		"网格长", "负责人", "name of person", "Person Name", "full_name", "idcard", "ID card", "id_number", "IDNumber", "phone", "Phone No", "mobile", "tel", "contactPhone",
		"birth", "date_of_birth", "DOB", "plate", "plate_no", "suspect", "face_url", "minor", "minors_count", "health", "health_status", "gender", "age", "ｐｈｏｎｅ", "person",
	} {
		if !personalColumn(name) {
			t.Errorf("column %q is taken for harmless", name)
		}
	}
	for _, name := range []string{
		"name", "名称", "村居名称", "村名", "网格名称", "编号", "案件编号", "发生日期", "日期", "id", "case_id", "grid_id", "code", "类别", "lon", "经度", "cell", "hotel", "surface_area",
		"village", "面积", "状态", "网格员数", "志愿者人数", "medical_needs", "person_count", "health_needs", "stage", "village_code", "发现时间", "completion", "template", "pages",
		"发生地点", "案发地址", "object_id", "interface", "villageName", "状态说明", "来源", "usage", "identifier", "case_number",
	} {
		if personalColumn(name) {
			t.Errorf("column %q is taken for personal", name)
		}
	}
}

func TestPersonalValue(t *testing.T) {
	for _, s := range []string{
		madeUpMobile, "电话13800138000", "tel: 138-0013-8000", "138 0013 8000", "+8613800138000", "+86 138-0013-8000", "008613800138000", "１３８００１３８０００", "13800138000.0",
		"(13800138000)", `["13800138000"]`, madeUpIdentity, "11010519491231002x", "证号" + madeUpIdentity, "沪A12345", "苏F·D12345", "沪AD12345", "粤B1234学", "沪 A12345车",
	} {
		if !personalValue(s) {
			t.Errorf("value %q is taken for harmless", s)
		}
	}
	for _, s := range []string{
		"310151101001", "310151101W01", "121.13800138000", "121.503214567891", "13800138000.25", "2023-04-12T08:30:00+08:00", "0190b6c4-7b1e-7c3a-9d7e-2f6a5b4c3d2e",
		"138001380001", "113800138000", "a13800138000", "13800138000b", "12800138000", "110105194912310021", "110105194913310025", "617700169958293503", "城桥镇第1网格",
		"新海镇", "宁波市A区", "云A", "POLYGON((121.1 31.1))", "13521234.5 3654321.25", "20230412083000", "00000000-0000-1381-2345-678000000000",
	} {
		if personalValue(s) {
			t.Errorf("value %q is taken for personal", s)
		}
	}
}

func TestPersonalFilesAreRefusedWhole(t *testing.T) {
	const point = `"geometry":{"type":"Point","coordinates":[121.5,31.5]}`
	for _, test := range []struct {
		name, content, column string
		row                   string
	}{
		{"column", "id,kind,date,lon,lat,当事人姓名\nA1,种植,2025-03-09,121.5,31.5,某某\n", "当事人姓名", ""},
		{"mobile in an unread column", "id,kind,date,lon,lat,备注\nA1,种植,2025-03-09,121.5,31.5,\nA2,种植,2025-03-09,121.5,31.5,电话" + madeUpMobile + "\n", "备注", "3"},
		{"identity as id", "id,kind,date,lon,lat\n" + madeUpIdentity + ",种植,2025-03-09,121.5,31.5\n", "id", "2"},
		{"plate", "id,kind,date,lon,lat,memo\nA1,种植,2025-03-09,121.5,31.5,沪A12345\n", "memo", "2"},
		{"no header", "A1,种植,2025-03-09,121.5,31.5," + madeUpMobile + "\nA2,种植,2025-03-09,121.5,31.5,x\n", "6", ""},
		{"GeoJSON property", `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"kind":"other","date":"2025-03-09","phone":null},` + point + `}]}`, "phone", ""},
		{"GeoJSON value", `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"kind":"other","date":"2025-03-09","memo":` + madeUpMobile + `},` + point + `}]}`, "memo", "1"},
		{"nested property", `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"owner":{"phone":"1"},"kind":"other","date":"2025-03-09"},` + point + `}]}`, "owner.phone", ""},
		{"foreign member", `{"type":"Feature","姓名":"某","properties":{"kind":"other","date":"2025-03-09"},` + point + `}`, "姓名", ""},
		{"inside an array", `{"type":"Feature","properties":{"kind":"other","date":"2025-03-09","notes":["a","` + madeUpMobile + `"]},` + point + `}`, "notes", "1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rep := reported(t, "casework", test.content)
			if !rep.Refused || rep.Accepted != 0 || len(rep.Findings) != 0 || rep.Extent != nil {
				t.Fatalf("not refused whole: %+v", rep)
			}
			for _, text := range []string{rep.Refusal.ZH, rep.Refusal.EN} {
				if !strings.Contains(text, test.column) || !strings.Contains(text, test.row) {
					t.Errorf("the sentence names neither column %q nor row %q: %s", test.column, test.row, text)
				}
			}
			out, err := json.Marshal(rep)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{madeUpMobile, madeUpIdentity, "沪A12345", "某某"} {
				if strings.Contains(string(out), secret) {
					t.Errorf("the report repeats %q: %s", secret, out)
				}
			}
		})
	}
}

func TestNothingIsYieldedAfterPersonalData(t *testing.T) {
	s := opened(t, "casework", []byte("id,kind,date,lon,lat,备注\nA1,种植,2025-03-09,121.5,31.5,\nA2,种植,2025-03-09,121.5,31.5,"+madeUpMobile+"\nA3,种植,2025-03-09,121.5,31.5,\n"), Options{})
	rep := NewReport(s)
	if n := len(slices.Collect(Casework(s, checker, rep))); n != 1 || !rep.Refused {
		t.Errorf("%d events, refused %v; want the one before the hit and a refusal", n, rep.Refused)
	}
	if _, err := DryRun(context.Background(), s, "casework", checker); err != nil {
		t.Error(err)
	}
}
