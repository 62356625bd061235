"""What the class found hard: from the folder of grades to one page, class.html.

attempts   what the folder of grades keeps: the grade of each student, and of earlier attempts
items      how difficult each exercise and each check is, and whether it tells students apart
page       class.html
"""
