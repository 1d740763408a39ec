import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.util.zip.GZIPInputStream;
import org.jpmml.model.JAXBUtil;
import org.jpmml.rexp.Converter;
import org.jpmml.rexp.ConverterFactory;
import org.jpmml.rexp.RExpParser;

/**
 * Converts R models with JPMML-R. Standard input has a line for each: RDS file
 * and document, separated by a tab.
 */
public class ConvertR {
  public static void main(String[] args) throws Exception {
    BufferedReader jobs = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = jobs.readLine()) != null; ) {
      String[] files = line.split("\t");
      try (InputStream in = new GZIPInputStream(new FileInputStream(files[0]))) {
        Converter<?> converter = ConverterFactory.newInstance().newConverter(new RExpParser(in).parse());
        try (OutputStream out = new FileOutputStream(files[1])) {
          JAXBUtil.marshalPMML(converter.encodePMML(), new javax.xml.transform.stream.StreamResult(out));
        }
      } catch (Throwable e) {
        new File(files[1]).delete();
        System.err.println(new File(files[1]).getName() + ": not converted: " + String.valueOf(e).split("\n")[0]);
      }
    }
  }
}
