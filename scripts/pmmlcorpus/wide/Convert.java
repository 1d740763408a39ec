import com.beust.jcommander.JCommander;
import com.sklearn2pmml.Main;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.lang.reflect.Method;

/**
 * Converts many pickled pipelines in one process. Standard input has a line for
 * each: pickle and document, separated by a tab. What the converter does not
 * know is told on standard error and left out.
 */
public class Convert {
  public static void main(String[] args) throws Exception {
    Method run = Main.class.getDeclaredMethod("run"); // private: main() ends the process
    run.setAccessible(true);
    BufferedReader jobs = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = jobs.readLine()) != null; ) {
      String[] files = line.split("\t");
      try {
        Main main = new Main();
        JCommander.newBuilder().addObject(main).build().parse("--pkl-input", files[0], "--pmml-output", files[1]);
        run.invoke(main);
      } catch (Throwable e) {
        new File(files[1]).delete();
        while (e.getCause() != null) e = e.getCause();
        System.err.println(new File(files[1]).getName() + ": not converted: " + String.valueOf(e).split("\n")[0]);
      }
    }
  }
}
